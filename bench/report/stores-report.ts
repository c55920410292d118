import type { StoresPlan, StoresRow } from '../crowd/stores.js';
import { CROWD_TITLES } from './crowd-titles.js';
import { markdownTable } from './markdown-table.js';

export interface StoresReport extends Omit<StoresPlan, 'contenders'> {
  readonly rows: readonly StoresRow[];
}

/** What ours must not do; empty if all is well. */
export function storesFailures({ rows }: StoresReport): string[] {
  return rows
    .filter(({ contender }) => contender.startsWith('ours'))
    .flatMap((row) => {
      const { contender, refused, lostWrites, surplusWrites, lostSessions, mixedUp } = row;
      const reasons = row.outages.length > 0 ? ` (${row.outages.join(' | ')})` : '';
      return Object.entries({ refused, lostWrites, surplusWrites, lostSessions, mixedUp })
        .filter(([, times]) => times > 0)
        .map(([what, times]) => `${CROWD_TITLES[contender]}: ${what} ${times}${reasons}`);
    });
}

export function storesTable(report: StoresReport): string {
  const table = markdownTable(
    [
      ...['', 'requests', 'writes', 'requests/s', 'CPU µs a request', 'p99 ms', 'not 200'],
      ...['writes lost', 'writes too many', 'sessions lost', "another one's"],
    ],
    report.rows.map((row) => [
      CROWD_TITLES[row.contender],
      ...[row.requests, row.writes, Math.round(row.requestsPerSecond)],
      ...[row.cpuMicrosPerRequest, row.p99, row.refused],
      ...[row.lostWrites, row.surplusWrites, row.lostSessions, row.mixedUp],
    ]),
  );
  const { sessions, processes, minutes } = report;
  return [
    `### ${sessions} sessions in a store, ${processes} processes, ${minutes} min, 40 % writes\n\n${table}`,
    ...storesFailures(report).map((failure) => `**${failure}**`),
  ].join('\n\n');
}
