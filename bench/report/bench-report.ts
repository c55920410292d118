import { baselineOf, CONTENDERS, type ContenderName } from '../contenders.js';
import type { BenchPlan, BenchRun, Series } from '../measuring/bench-run.js';
import { median } from '../measuring/statistics.js';
import { ROUTES, type RouteName } from '../routes.js';
import type { Surroundings } from './machine.js';
import { markdownTable } from './markdown-table.js';
import { svgOf } from './svg.js';

/** A contender at a route, over all rounds. */
export interface BenchRow {
  readonly route: RouteName;
  readonly contender: ContenderName;
  /** Microseconds of the server process a request. */
  readonly cpu: { readonly min: number; readonly median: number };
  /** The minimum of the CPU time, in those of Nest without sessions on the same platform. */
  readonly toBare: number | undefined;
  /** Microseconds above Nest without sessions, by the minima. */
  readonly added: number | undefined;
  readonly requestsPerSecond: { readonly max: number; readonly median: number };
  /** Milliseconds; medians of the rounds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the writes to the hot session, the share that is there afterwards. */
  readonly kept: number | undefined;
}

export interface BenchReport extends Surroundings {
  readonly plan: BenchPlan;
  /** Whether each server had a core to itself. */
  readonly isPinned: boolean;
  readonly rows: readonly BenchRow[];
}

export function benchReport(
  plan: BenchPlan,
  { series, isPinned }: BenchRun,
  where: Surroundings,
): BenchReport {
  return { ...where, plan, isPinned, rows: series.map((one) => rowOf(one, series)) };
}

function rowOf({ contender, route, samples }: Series, all: readonly Series[]): BenchRow {
  const base = all.find((one) => one.route === route && one.contender === baselineOf(contender));
  const kept = samples.flatMap((sample) => sample.kept ?? []);
  const cpu = samples.map(({ cpuMicros }) => cpuMicros);
  const min = Math.min(...cpu);
  const bare = base && Math.min(...base.samples.map((sample) => sample.cpuMicros));
  const rates = samples.map(({ requestsPerSecond }) => requestsPerSecond);
  return {
    route,
    contender,
    cpu: { min, median: median(cpu) },
    toBare: bare && min / bare,
    added: bare && min - bare,
    requestsPerSecond: { max: Math.max(...rates), median: median(rates) },
    p50: median(samples.map(({ p50 }) => p50)),
    p99: median(samples.map(({ p99 }) => p99)),
    kept: kept.length ? median(kept) : undefined,
  };
}

/** For people: a table a route. */
export function benchTables(report: BenchReport): string {
  return report.plan.routes.map((route) => tableOf(route, report)).join('\n\n');
}

function tableOf(route: RouteName, { rows }: BenchReport): string {
  const ofRoute = rows.filter((row) => row.route === route);
  const showsKept = ofRoute.some(({ kept }) => kept !== undefined);
  const header = [
    ...[
      '',
      'CPU µs, min',
      'CPU µs, median',
      '× bare',
      'µs added',
      'requests/s',
      'p50 ms',
      'p99 ms',
    ],
    ...(showsKept ? ['writes kept'] : []),
  ];
  const cells = ofRoute.map(({ contender, cpu, toBare, added, kept, ...row }) => [
    CONTENDERS[contender].title,
    ...[cpu.min, cpu.median, toBare, added, Math.round(row.requestsPerSecond.median)],
    ...[row.p50, row.p99],
    ...(showsKept ? [kept === undefined ? '–' : `${(kept * 100).toFixed(1)} %`] : []),
  ]);
  return `### ${ROUTES[route].title}\n\n${markdownTable(header, cells)}`;
}

/** The contenders that are drawn; the others are in the tables. */
const DRAWN: Partial<Record<ContenderName, string>> = {
  mini: '#d9dde3',
  raw: '#b6bcc6',
  ours: '#d6293e',
  'express-session-memcached': '#3d6fb4',
};

/** The CPU time of a request on Express, in those of Nest without sessions. */
export function benchChart({ rows, plan, date, versions }: BenchReport): string {
  const drawn = plan.contenders.filter((name) => name in DRAWN);
  const routes = plan.routes.filter((route) => route !== 'hot');
  const ratio = (route: RouteName, contender: ContenderName): number | null => {
    const row = rows.find((one) => one.route === route && one.contender === contender);
    return row?.toBare === undefined ? null : Number(row.toBare.toFixed(2));
  };
  return svgOf(
    {
      title: {
        text: 'CPU time of a request, in those of Nest without sessions',
        subtext: `Nest ${versions['@nestjs/core']} on Express, Node.js ${versions['node']}, ${date.slice(0, 10)} · less is better`,
        left: 'center',
      },
      legend: { bottom: 0 },
      grid: { left: 50, right: 20, top: 75, bottom: 60 },
      xAxis: { type: 'category', data: routes.map((route) => ROUTES[route].label) },
      yAxis: { type: 'value', axisLabel: { formatter: '{value} ×' } },
      series: drawn.map((contender) => ({
        type: 'bar',
        name: CONTENDERS[contender].title,
        color: DRAWN[contender],
        barGap: '8%',
        data: routes.map((route) => ratio(route, contender)),
        label: { show: true, position: 'top', fontSize: 11 },
        // Bare Nest is the floor of all of them.
        ...(contender === 'ours' && {
          markLine: {
            symbol: 'none',
            lineStyle: { color: '#555' },
            label: { show: false },
            data: [{ yAxis: 1 }],
          },
        }),
      })),
    },
    { width: 860, height: 380 },
  );
}
