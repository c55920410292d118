import type { BurstMoment, BurstPlan, BurstRow } from '../crowd/burst.js';
import type { Platform } from '../contenders.js';
import { CROWD_TITLES } from './crowd-titles.js';
import { markdownTable } from './markdown-table.js';

export interface BurstReport extends Omit<BurstPlan, 'cases'> {
  readonly rows: readonly BurstRow[];
}

/** Milliseconds within which a single request has to be answered as fast as before. */
const MOST_RECOVERY = 1_000;

/** What ours must not do; empty if all is well. */
export function burstFailures({ rows }: BurstReport): string[] {
  return rows
    .filter(({ contender }) => contender.startsWith('ours'))
    .flatMap((row) => {
      const where = `${CROWD_TITLES[row.contender]} on ${row.platform}, ${row.clients} clients`;
      const unavailable = sum(row, (moment) => moment.unavailable);
      const wrong = sum(row, (moment) => moment.wrong);
      const strange = row.rounds.flatMap((moment) => moment.strange);
      const reasons = [...new Set([...strange, ...row.outages])].join(' | ');
      return [
        ...(unavailable ? [`${where}: ${unavailable} answers with a 503 (${reasons})`] : []),
        ...(wrong ? [`${where}: ${wrong} wrong answers (${reasons})`] : []),
        ...(recoveryOf(row) < MOST_RECOVERY ? [] : [`${where}: normal again too late`]),
      ];
    });
}

/** For people: a table a platform, and how the largest burst went, second by second. */
export function burstTables(report: BurstReport): string {
  const platforms: Platform[] = ['express', 'fastify'];
  const tables = platforms
    .map((platform) => report.rows.filter((row) => row.platform === platform))
    .filter((rows) => rows.length > 0)
    .map((rows) => `${tableOf(rows, report)}\n\n${bySecondTable(rows, report)}`);
  return [...tables, ...burstFailures(report).map((failure) => `**${failure}**`)].join('\n\n');
}

function tableOf(rows: readonly BurstRow[], { seconds, rounds }: BurstReport): string {
  const fewest = Math.min(...rows.map(({ clients }) => clients));
  const table = markdownTable(
    [
      ...['', 'clients', 'answers', '503', 'other', 'broken', 'wrong', 'requests/s'],
      ...[
        `× ${fewest}`,
        'CPU µs',
        'busy %',
        'clients busy %',
        'p50 ms',
        'p99 ms',
        'max ms',
        'normal after ms',
      ],
    ],
    rows.map((row) => {
      const few = rows.find((one) => one.contender === row.contender && one.clients === fewest)!;
      const best = bestOf(row);
      return [
        CROWD_TITLES[row.contender],
        row.clients,
        sum(row, answersOf),
        ...[sum(row, (moment) => moment.unavailable), sum(row, othersOf)],
        ...[sum(row, (moment) => moment.connectionErrors), sum(row, (moment) => moment.wrong)],
        ...[Math.round(rateOf(best)), rateOf(best) / rateOf(bestOf(few))],
        Math.min(...row.rounds.map(({ cpuMicros }) => cpuMicros)),
        Math.round(busy(best, best.cpuMicros)),
        Math.round(busy(best, best.clientMicros)),
        ...[best.p50, best.p99, Math.max(...row.rounds.map(({ max }) => max))],
        Number.isFinite(recoveryOf(row)) ? recoveryOf(row) : undefined,
      ];
    }),
  );
  return (
    `### A crowd in a burst, on ${nameOf(rows[0]!.platform)}: all ask at the same moment, and again ` +
    `as they are answered, for ${seconds} s, ${rounds} × each\n\n${table}`
  );
}

function bySecondTable(rows: readonly BurstRow[], { clients }: BurstReport): string {
  const most = clients.at(-1)!;
  const largest = rows.filter((row) => row.clients === most);
  const table = markdownTable(
    ['', 'served in each second'],
    largest.map((row) => [CROWD_TITLES[row.contender], row.rounds[0]!.bySecond.join(' ')]),
  );
  return `The first burst of ${most} clients:\n\n${table}`;
}

function nameOf(platform: Platform): string {
  return platform === 'express' ? 'Express' : 'Fastify';
}

/** Of the rounds, the one in which the neighbours let it be the fastest. */
function bestOf({ rounds }: BurstRow): BurstMoment {
  return rounds.reduce((best, one) => (rateOf(one) > rateOf(best) ? one : best));
}

/** Served a second, until the last is answered. */
function rateOf({ served, seconds }: BurstMoment): number {
  return served / seconds;
}

/** The share of a core that a process takes, in per cent, by its CPU time an answer. */
function busy(moment: BurstMoment, micros: number): number {
  return (micros * answersOf(moment)) / moment.seconds / 10_000;
}

/** The longest; infinite if it was not seen. */
function recoveryOf({ rounds }: BurstRow): number {
  return Math.max(...rounds.map(({ recovery }) => recovery ?? Infinity));
}

function answersOf(moment: BurstMoment): number {
  return moment.served + moment.unavailable + othersOf(moment);
}

function othersOf({ others }: BurstMoment): number {
  return Object.values(others).reduce((total, count) => total + count, 0);
}

function sum({ rounds }: BurstRow, value: (moment: BurstMoment) => number): number {
  return rounds.reduce((total, moment) => total + value(moment), 0);
}
