import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  MalformedReplyError,
  ReplyParser,
  type Reply,
} from '../../src/store/memcached/reply-parser.js';
import { chosen, type Choices } from './choices.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';
import { readStream } from './memcached/grammar.js';
import { cut, garble, someReply } from './memcached/streams.js';

/** All that the parser says. None of it is anything that it was sent. */
const PROBLEMS = [
  'a line of more bytes than any reply has',
  'a line that does not end as the protocol says',
  'an item without a proper length',
  'an item without a proper version',
  'several items for one key',
  'statistics without an end',
  'an item that is longer than its length',
  'an item or statistics without an end',
];
const MESSAGES = PROBLEMS.map(
  (problem) => `memcached sent ${problem}, so the connection was closed`,
);

interface Reading {
  readonly replies: Reply[];
  readonly problem: string | undefined;
  /** Bytes that the parser held at the end. */
  readonly held: number;
}

function read(chunks: Iterable<Buffer>): Reading {
  const replies: Reply[] = [];
  const parser = new ReplyParser((reply) => replies.push(reply));
  try {
    for (const chunk of chunks) parser.read(chunk);
    return { replies, problem: undefined, held: heldBy(parser) };
  } catch (error) {
    if (!(error instanceof MalformedReplyError)) throw error;
    return { replies, problem: error.message, held: heldBy(parser) };
  }
}

/** What the parser keeps, wherever in it that is. */
function heldBy(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (Buffer.isBuffer(value)) return value.length;
  const inside = value instanceof Map ? [...value].flat() : Object.values(value);
  return inside.reduce<number>((sum, one) => sum + heldBy(one), 0);
}

/** Not by a matcher for each of millions of cases; it explains the one that fails. */
function expectEqual(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) expect(found).toEqual(expected);
}

const sentReplies = (choices: Choices) => choices.list(5, () => someReply(choices));

describe('any bytes from memcached', () => {
  it(
    'are parsed as the replies they consist of, in any chunks',
    () => {
      const stream = chosen(96, (choices) => {
        const sent = sentReplies(choices);
        return { sent, chunks: cut(Buffer.concat(sent.map(({ bytes }) => bytes)), choices) };
      });
      let replies = 0;
      fc.assert(
        fc.property(stream, ({ sent, chunks }) => {
          const found = read(chunks);
          expectEqual(
            found.replies,
            sent.map(({ reply }) => reply),
          );
          expectEqual([found.problem, found.held], [undefined, 0]);
          replies += sent.length;
        }),
        fuzzRuns(),
      );
      expect(replies).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT,
  );

  it(
    'are parsed as the complete replies in them, and refused without being quoted',
    () => {
      const stream = chosen(96, (choices) => {
        const bytes = Buffer.concat(sentReplies(choices).map((sent) => sent.bytes));
        const garbled = garble(bytes, choices);
        return { garbled, chunks: cut(garbled, choices) };
      });
      let malformed = 0;
      fc.assert(
        fc.property(stream, ({ garbled, chunks }) => {
          const { replies, isMalformed } = readStream(garbled);
          const found = read(chunks);
          expectEqual(found.replies, replies);
          expectEqual(found.problem !== undefined, isMalformed);
          if (found.problem === undefined) {
            if (found.held > garbled.length) expect(found.held).toBe(garbled.length);
            return;
          }
          malformed++;
          if (!MESSAGES.includes(found.problem)) expect(MESSAGES).toContain(found.problem);
        }),
        fuzzRuns(),
      );
      expect(malformed).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT,
  );
});
