import type { RecordingProxy } from '../support/recording-proxy.js';
import type { Writing } from './use-session.js';

export interface StoreBehaviour {
  readonly name: string;
  readonly writing: Writing;
  begin?(wire: RecordingProxy): Promise<void> | void;
  end?(wire: RecordingProxy): Promise<void> | void;
  /** Whether the visitor has a session already. */
  readonly isKnown?: boolean;
  /** Milliseconds before which no byte may come. */
  readonly takes?: number;
  /** Of the error that takes the response's place; without it, the response is sent. */
  readonly refusal?: 500 | 503;
  /** With every way to send, wherever that is; the others with each way somewhere, and everywhere with some. */
  readonly everywhere?: boolean;
  /** It takes a second, whatever is around: in every fourth place. */
  readonly isLong?: boolean;
}

/** The one after which the store is not used again comes last. */
export const STORE_BEHAVIOURS: readonly StoreBehaviour[] = [
  { name: 'stores', writing: 'mark', everywhere: true },
  { name: 'stores, for whom it knows', writing: 'again', isKnown: true },
  {
    name: 'is slow',
    writing: 'mark',
    begin: (wire) => wire.delayReplies(100),
    end: (wire) => wire.delayReplies(0),
    takes: 100,
  },
  { name: 'is given too much', writing: 'too-large', refusal: 500 },
  { name: 'is given what no JSON can be', writing: 'no-json', refusal: 500 },
  {
    name: 'answers SERVER_ERROR',
    writing: 'mark',
    begin: (wire) => wire.failWrites(true),
    end: (wire) => wire.failWrites(false),
    refusal: 503,
    everywhere: true,
  },
  {
    name: 'finds the session changed by others, each time',
    writing: 'again',
    isKnown: true,
    begin: (wire) => wire.outdateWrites(true),
    end: (wire) => wire.outdateWrites(false),
    refusal: 503,
    isLong: true,
  },
  {
    name: 'is down',
    writing: 'mark',
    async begin(wire) {
      await wire.refuse(true);
      wire.cut();
    },
    refusal: 503,
  },
];
