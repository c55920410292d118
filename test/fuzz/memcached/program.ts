import type fc from 'fast-check';

import { chosen, type Choices } from '../choices.js';
import type { Answer, DisorderlyAnswer, OrderlyAnswer } from './answering.js';

export interface Operation {
  readonly verb: 'find' | 'create' | 'update' | 'remove';
  readonly key: string;
  /** What is stored, besides the mark of its owner. */
  readonly text: string;
  /** With the version that was found last, or with one that never was. */
  readonly isCurrent: boolean;
}

export interface Step {
  /** Ticks before. */
  readonly wait: number;
  /** Begun within one turn of the event loop. */
  readonly operations: readonly Operation[];
  /** The connection is closed behind them. */
  readonly closes: boolean;
}

export interface Dial {
  readonly after: number;
  /** `late`: after its deadline. */
  readonly how: 'opened' | 'refused' | 'never' | 'late';
}

/** What is asked of a connection, and what happens to it. */
export interface Program {
  readonly steps: readonly Step[];
  /** Of one dial and one command each; all later ones go right. */
  readonly dials: readonly Dial[];
  readonly answers: readonly Answer[];
  readonly hasGreeting: boolean;
  readonly isOpenedByServer: boolean;
  /** Reads go out as `mg`, and not as `gats`. */
  readonly speaksMeta: boolean;
  /** After this number of losses in a row; 0: never. */
  readonly isDownAfter: number;
  /** How many ticks a server takes to read what was written. */
  readonly readsAfter: number;
}

const ORDERLY: readonly OrderlyAnswer[] = [
  ...(['a few bytes at a time', 'an error', 'never, though it is done', 'malformed'] as const),
  ...(['closed before it is done', 'closed after it is done', 'endless', 'byte by byte'] as const),
  ...(['never, and nothing after it', 'closed amid the reply', 'reset amid the reply'] as const),
];
const DISORDERLY: readonly DisorderlyAnswer[] = [
  ...(['twice', 'after the next one', 'garbled', 'and something else'] as const),
];

const TEXTS = [
  '',
  'x',
  '\r\nEND\r\n',
  'é€😀',
  'STORED\r\n',
  '\r\nVALUE a 0 1\r\n',
  'VA 1 ka c1\r\n',
  'x'.repeat(70),
];

/** With answers that are to be recognized as wrong; else also with those that cannot be. */
export function programs(isOrderly: boolean): fc.Arbitrary<Program> {
  const faults = isOrderly ? ORDERLY : [...DISORDERLY, ...DISORDERLY, ...ORDERLY];
  return chosen(200, (choices) => ({
    hasGreeting: choices.oneIn(4),
    isOpenedByServer: choices.oneIn(4),
    speaksMeta: choices.oneIn(2),
    isDownAfter: choices.of([0, 0, 1, 2]),
    readsAfter: choices.of([0, 0, 0, 1, 7]),
    dials: choices.list(3, () => dial(choices)),
    steps: [step(choices), ...choices.list(5, () => step(choices))],
    answers: choices.list(12, () => answer(choices, faults)),
  }));
}

function step(choices: Choices): Step {
  const operations = [operation(choices), ...choices.list(3, () => operation(choices))];
  // More than go out before there is an answer.
  const isCrowd = choices.oneIn(512);
  return {
    wait: choices.of([0, 1, 2, 10, 25]),
    operations: isCrowd
      ? Array.from({ length: 600 }, (_, n) => operations[n % operations.length]!)
      : operations,
    closes: choices.oneIn(8),
  };
}

function operation(choices: Choices): Operation {
  return {
    verb: choices.of(['find', 'find', 'create', 'update', 'remove']),
    key: choices.of(['a', 'b', 'sess:c']),
    text: choices.of(TEXTS),
    isCurrent: !choices.oneIn(8),
  };
}

function dial(choices: Choices): Dial {
  return {
    how: choices.of(['opened', 'opened', 'refused', 'never', 'late']),
    after: choices.of([0, 1, 3, 12, 21]),
  };
}

function answer(choices: Choices, faults: readonly Answer['how'][]): Answer {
  return {
    how: choices.oneIn(3) ? choices.of(faults) : 'right',
    after: choices.of([0, 0, 1, 3, 12, 18, 25]),
    details: Uint8Array.from({ length: 8 }, () => choices.below(256)),
  };
}
