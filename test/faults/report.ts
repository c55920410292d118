import { readFileSync, writeFileSync } from 'node:fs';

import { surroundings, type ServerName } from '../../bench/report/machine.js';
import { markdownTable } from '../../bench/report/markdown-table.js';
import { isGood, type Sighting } from './fault-run.js';
import type { Fault, FaultyWorld } from './fault.js';
import { PATIENCE } from './requests.js';
import type { Outcome, Seen } from './visitor.js';

const PAGE = 'docs/reliability.md';
const END = '<!-- end of what is written -->';
const beginOf = (store: string) =>
  `<!-- ${store}: written by FAULTS_REPORT=1 npm run test:faults -->`;

/** How the table calls what visitors saw. */
const WORDS: Record<Outcome, string> = {
  served: 'served',
  refused: '503',
  error: '500',
  stranger: 'taken for strangers',
  lost: 'older data',
  'mixed up': "another one's session",
  'no answer': `no answer in ${PATIENCE / 1000} s`,
  broken: 'connection broken',
  down: 'no connection',
};

export interface ReportedStore {
  readonly name: ServerName;
  /** Packages whose versions matter, besides express-session. */
  readonly peers: readonly string[];
}

export interface ReportSettings {
  /** Seconds that each fault lasted. */
  readonly seconds: number;
  /** Seconds after which the run stopped waiting. */
  readonly patience: number;
}

type Sightings<World extends FaultyWorld> = ReadonlyMap<Fault<World>, readonly Sighting[]>;

/** Writes the table of results to its place in the documentation. */
export function writeReport<World extends FaultyWorld>(
  store: ReportedStore,
  sightings: Sightings<World>,
  settings: ReportSettings,
): void {
  const page = readFileSync(PAGE, 'utf8');
  const begin = beginOf(store.name);
  const [before, rest] = page.split(begin);
  const end = rest?.indexOf(END) ?? -1;
  if (end === -1) throw new Error(`${PAGE} has no place for the table: ${begin}, ${END}`);
  const text = [begin, where(store, settings), tableOf(sightings, settings), ''].join('\n\n');
  writeFileSync(PAGE, `${before}${text}${rest!.slice(end)}`);
}

function where({ name, peers }: ReportedStore, { seconds }: ReportSettings): string {
  const found = surroundings(['express-session', ...peers], name);
  const used = Object.entries(found.versions).map(([what, version]) => `${what} ${version}`);
  const { date, machine } = found;
  return `Each fault lasted ${seconds} s. ${date.slice(0, 10)}, ${machine}; ${used.join(', ')}.`;
}

function tableOf<World extends FaultyWorld>(
  sightings: Sightings<World>,
  { patience }: ReportSettings,
): string {
  const header = ['fault', 'sessions by', 'users saw', 'for', 'lost', 'served again after'];
  const rows = [...sightings].flatMap(([fault, sides]) =>
    sides.map((side) => [
      side.contender === 'ours' ? fault.name : '',
      side.contender === 'ours' ? 'this package' : side.contender,
      ...[whatWasSeen(side), forHowLong(fault, side), whatWasLost(side)],
      side.hasRecovered ? seconds(side.recovery) : `not within ${patience} s`,
    ]),
  );
  return markdownTable(header, rows);
}

/** The shares of those requests that came while the fault lasted and use a session. */
function whatWasSeen({ seen, ended, hasDied }: Sighting): string {
  const meanwhile = seen.filter(({ route, began }) => route !== 'untouched' && began < ended);
  const shares = Object.entries(WORDS)
    .map(([outcome, words]) => {
      const { length } = meanwhile.filter((one) => one.outcome === outcome);
      return { words, percent: (length / meanwhile.length) * 100 };
    })
    .filter(({ percent }) => percent > 0)
    .sort((one, other) => other.percent - one.percent)
    .map(({ words, percent }) => `${words} (${percent < 1 ? '< 1' : percent.toFixed(0)} %)`);
  const slowest = Math.max(...meanwhile.map(({ took }) => took));
  return [...(hasDied ? ['the process ended'] : []), ...shares, `slowest ${seconds(slowest)}`].join(
    ', ',
  );
}

function forHowLong<World extends FaultyWorld>(fault: Fault<World>, { seen }: Sighting): string {
  const bad = seen.filter((one) => !isGood(fault, one));
  if (bad.length === 0) return '–';
  const first = Math.min(...bad.map(({ began }) => began));
  const last = Math.max(...bad.map(({ began, took }) => began + took));
  return seconds(last - first);
}

/** What is missing after the fault for good, although the server had stored it or had answered with success. */
function whatWasLost({ seen, final }: Sighting): string {
  const writes = [...seen, ...final].reduce((sum, { lost }) => sum + lost, 0);
  const isGone = ({ outcome }: Seen): boolean => outcome === 'stranger';
  const joinedAgain = seen.filter(({ route }) => route === 'join').length;
  const sessions = final.filter(isGone).length + joinedAgain;
  const losses = [
    ...(sessions > 0 ? [`sessions: ${sessions}`] : []),
    ...(writes > 0 ? [`acknowledged writes: ${writes}`] : []),
  ];
  return losses.join(', ') || 'nothing';
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
