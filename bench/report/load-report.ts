import type { EChartsOption } from 'echarts';

import type { ConnectionsPlan, ConnectionsResult, Moment } from '../crowd/connections.js';
import type { GrowthRow } from '../crowd/growth.js';
import type { HotRow } from '../crowd/hot.js';
import type { ProcessesRow } from '../crowd/processes.js';
import { storesTable, type StoresReport } from './stores-report.js';
import { burstTables, type BurstReport } from './burst-report.js';
import { CROWD_TITLES } from './crowd-titles.js';
import type { Surroundings } from './machine.js';
import { markdownTable } from './markdown-table.js';
import { svgOf } from './svg.js';

/** What was measured; the parts that were not run are not there. */
export interface LoadReport extends Surroundings {
  readonly growth?: readonly GrowthRow[];
  readonly connections?: ConnectionsPlan & ConnectionsResult;
  readonly processes?: readonly ProcessesRow[];
  readonly hot?: readonly HotRow[];
  readonly stores?: StoresReport;
  readonly burst?: BurstReport;
}

/** For people: a table a part. */
export function loadTables(report: LoadReport): string {
  const { growth, connections, processes, hot, stores, burst } = report;
  return [
    ...(growth ? [growthTable(growth)] : []),
    ...(connections ? [connectionsTable(connections)] : []),
    ...(processes ? [processesTable(processes)] : []),
    ...(hot ? [hotTable(hot)] : []),
    ...(stores ? [storesTable(stores)] : []),
    ...(burst ? [burstTables(burst)] : []),
  ].join('\n\n');
}

function growthTable(rows: readonly GrowthRow[]): string {
  const first = rows[0]!;
  const table = markdownTable(
    ['sessions', 'CPU µs, min', 'CPU µs, median', '× the first', 'requests/s', 'p99 ms'],
    rows.map(({ sessions, cpu, requestsPerSecond, p99 }) => [
      sessions,
      ...[cpu.min, cpu.median, cpu.min / first.cpu.min],
      ...[Math.round(requestsPerSecond), p99],
    ]),
  );
  const { entriesBytes, overheadBytes } = first;
  return (
    `### Reads of random sessions\n\n${table}\n\n` +
    `A session: ${entriesBytes} bytes of JSON, ${overheadBytes} more in its record, ` +
    `${rows.at(-1)!.itemBytes} in memcached with key and item header.`
  );
}

function connectionsTable(run: ConnectionsPlan & ConnectionsResult): string {
  const mib = ({ start, end }: { start: number; end: number }): string =>
    `${(start / 2 ** 20).toFixed(1)} → ${(end / 2 ** 20).toFixed(1)}`;
  const table = markdownTable(
    ['', 'seen'],
    [
      ['requests', String(run.requests)],
      ['writes, all acknowledged', String(run.writes)],
      ['errors, marks of others', '0 (the first ends the run)'],
      ['sessions with a wrong count at the end', String(run.wrongCounts)],
      ['p50 / p99 ms', `${run.p50.toFixed(1)} / ${run.p99.toFixed(1)}`],
      ['CPU µs a request', run.cpuMicrosPerRequest.toFixed(0)],
      [
        'event-loop delay p99 / max ms',
        `${run.loopDelay.p99.toFixed(0)} / ${run.loopDelay.max.toFixed(0)}`,
      ],
      ['heap after a collection, MiB, warm → end', mib(run.heap)],
      ['memory of the process, MiB, warm → end', mib(run.rss)],
    ],
  );
  const { connections, minutes, rate } = run;
  return (
    `### ${connections} open connections, each its own session, ${minutes} min, ` +
    `${rate} requests/s wanted, 10 % writes\n\n${table}`
  );
}

function processesTable(rows: readonly ProcessesRow[]): string {
  const table = markdownTable(
    ['processes', 'requests/s', '× the first', 'CPU µs a request', 'p99 ms', 'conflicts/s'],
    rows.map((row) => [
      row.processes,
      Math.round(row.requestsPerSecond),
      row.requestsPerSecond / rows[0]!.requestsPerSecond,
      ...[row.cpuMicrosPerRequest, row.p99, row.conflictsPerSecond],
    ]),
  );
  return `### Processes on one memcached, 64 visitors in 200 sessions, 10 % writes\n\n${table}`;
}

function hotTable(rows: readonly HotRow[]): string {
  const table = markdownTable(
    [
      ...['', 'processes', 'writers', 'writes', 'kept', 'writes/s', 'CPU µs a write'],
      ...['commands a write', 'conflicts/s', 'p99 ms'],
    ],
    rows.map((row) => [
      CROWD_TITLES[row.contender],
      ...[row.processes, row.writers, row.writes, row.kept, Math.round(row.writesPerSecond)],
      ...[row.cpuMicrosPerWrite, row.commandsPerWrite, row.conflictsPerSecond, row.p99],
    ]),
  );
  return `### One hot session: all clients count in it at once\n\n${table}`;
}

/** How the crowd of connections fared over time. */
export function loadChart({ moments, connections }: ConnectionsPlan & ConnectionsResult): string {
  const panels: { title: string; color: string; value: (moment: Moment) => number }[] = [
    { title: 'requests/s', color: '#3d6fb4', value: (moment) => moment.requestsPerSecond },
    { title: 'p99, ms', color: '#d6293e', value: (moment) => moment.p99 },
    { title: 'conflicts/s', color: '#8a5cb4', value: (moment) => moment.conflictsPerSecond },
    { title: 'heap, MiB', color: '#2f8f5b', value: (moment) => moment.heapUsed / 2 ** 20 },
  ];
  const options: EChartsOption = {
    title: [
      { text: `${connections} connections over time`, left: 'center' },
      ...panels.map(({ title }, index) => ({
        text: title,
        left: index % 2 ? '52%' : '3%',
        top: index < 2 ? 36 : 246,
        textStyle: { fontSize: 13 },
      })),
    ],
    grid: panels.map((_, index) => ({
      left: index % 2 ? '56%' : '7%',
      top: index < 2 ? 66 : 276,
      width: '40%',
      height: 140,
    })),
    xAxis: panels.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: 0,
      axisLabel: { formatter: '{value} s' },
    })),
    yAxis: panels.map((_, gridIndex) => ({ gridIndex, type: 'value', min: 0 })),
    series: panels.map(({ color, value }, index) => ({
      type: 'line',
      xAxisIndex: index,
      yAxisIndex: index,
      color,
      showSymbol: false,
      data: moments.map((moment) => [moment.seconds, value(moment)]),
    })),
  };
  return svgOf(options, { width: 900, height: 460 });
}
