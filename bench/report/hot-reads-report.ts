import type { DuelPlan, DuelRow } from '../measuring/duel.js';
import type { Surroundings } from './machine.js';
import { markdownTable } from './markdown-table.js';

/** What the minima of the CPU time may differ by. */
const TARGET = 1.3;

export interface HotReadsReport extends Surroundings {
  readonly plan: DuelPlan;
  readonly rows: readonly DuelRow[];
  /** The CPU time of the store's `find`, in those of the least client. */
  readonly ratio: { readonly min: number; readonly median: number };
  readonly target: number;
}

/** `rows`: of the least client, then of the store. */
export function hotReadsReport(
  plan: DuelPlan,
  rows: readonly DuelRow[],
  where: Surroundings,
): HotReadsReport {
  const [mini, find] = rows as [DuelRow, DuelRow];
  const ratio = { min: find.cpu.min / mini.cpu.min, median: find.cpu.median / mini.cpu.median };
  return { ...where, plan, rows, ratio, target: TARGET };
}

const TITLES: Record<string, string> = {
  mini: 'the least client of its own',
  find: 'find of the session store',
};

export function hotReadsTable({ plan, rows, ratio, target }: HotReadsReport): string {
  const first = rows[0]!;
  const table = markdownTable(
    ['', 'CPU µs, min', 'CPU µs, median', '×, min', '×, median', 'elapsed µs, min', 'median'],
    rows.map(({ name, cpu, elapsed }) => [
      TITLES[name] ?? name,
      ...[cpu.min, cpu.median, cpu.min / first.cpu.min, cpu.median / first.cpu.median],
      ...[elapsed.min, elapsed.median],
    ]),
  );
  const verdict = ratio.min <= target ? 'met' : 'missed';
  return (
    `### A read in the store, hot: 300 bytes, ${plan.parallel} at a time, ${plan.rounds} rounds\n\n` +
    `${table}\n\nTarget: ${target} times the least client, of the minima: ${verdict}.`
  );
}
