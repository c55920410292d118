import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { heldServer, type HeldServer } from '../support/held-server.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';

const name = fc.constantFrom('x-a', 'X-A', 'x-b', 'Set-Cookie', 'set-cookie', 'Vary', 'ETag');
const value = fc.stringMatching(/^[a-z=]{1,6}$/);
const values = fc.oneof(
  { weight: 3, arbitrary: value },
  fc.array(value, { minLength: 1, maxLength: 3 }),
);
const pairs = fc.array(fc.tuple(name, value), { maxLength: 4 });

/** What a handler does to its response, before its end. */
interface Head {
  readonly before: readonly (readonly ['set' | 'append', string, string | string[]])[];
  readonly status: number;
  readonly message: string | undefined;
  readonly headers: object | undefined;
  readonly isHeadWritten: boolean;
}

const head: fc.Arbitrary<Head> = fc.record({
  before: fc.array(fc.tuple(fc.constantFrom('set' as const, 'append' as const), name, values), {
    maxLength: 3,
  }),
  status: fc.constantFrom(200, 201, 302, 404),
  message: fc.option(fc.constantFrom('Fine', 'As told'), { nil: undefined }),
  headers: fc.oneof(
    fc.constant(undefined),
    fc.dictionary(name, values, { maxKeys: 3 }),
    pairs.map((list) => list.flat()),
    pairs,
  ),
  isHeadWritten: fc.boolean(),
});

function answer(
  response: ServerResponse,
  { before, status, message, headers, isHeadWritten }: Head,
): void {
  for (const [way, key, text] of before) {
    // Node.js adds to the very array that was set.
    const own = Array.isArray(text) ? [...text] : text;
    if (way === 'set') response.setHeader(key, own);
    else response.appendHeader(key, own);
  }
  const rest = [...(message === undefined ? [] : [message]), ...(headers ? [headers] : [])];
  if (isHeadWritten) (response.writeHead as (...args: unknown[]) => void)(status, ...rest);
  response.end('body');
}

/**
 * Node.js 20 keeps but the last value of a name that recurs, if any header was set before. Nothing is
 * lost here, as in later versions.
 */
function withAllValues(given: Head): Head {
  const { headers, before } = given;
  if (!headers || before.length === 0) return given;
  const list = Array.isArray(headers) ? headers.flat() : Object.entries(headers).flat(1);
  const values = new Map<string, string[]>();
  for (let at = 0; at < list.length; at += 2) {
    const key = (list[at] as string).toLowerCase();
    values.set(key, [...(values.get(key) ?? []), ...[list[at + 1] as string | string[]].flat()]);
  }
  return { ...given, headers: Object.fromEntries(values) };
}

describe("any way to write a response's head", () => {
  let held: HeldServer;
  let current: Head;
  const free = createServer((_request, response) => answer(response, withAllValues(current)));

  beforeAll(async () => {
    held = await heldServer((response) => answer(response, current));
    held.gate.waits = false;
    free.listen(0, '127.0.0.1');
    await once(free, 'listening');
  });

  afterAll(async () => {
    await held.close();
    free.close();
  });

  const ask = async (url: string) => {
    const sent = request(url, { agent: false });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    const { statusCode, statusMessage, headers } = response;
    const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...others } = headers;
    return { statusCode, statusMessage, headers: others };
  };

  it(
    'sends the client the same as without a session, and its cookie',
    async () => {
      await fc.assert(
        fc.asyncProperty(head, async (given) => {
          current = given;
          const plain = await ask(`http://127.0.0.1:${(free.address() as AddressInfo).port}`);
          const withSession = await ask(held.url);
          const cookies = [...(plain.headers['set-cookie'] ?? []), 'SID=new'];
          expect(withSession).toEqual({
            ...plain,
            headers: { ...plain.headers, 'set-cookie': cookies },
          });
        }),
        { ...fuzzRuns(0.1), timeout: 2000 },
      );
      expect(held.errors).toEqual([]);
    },
    FUZZ_TIMEOUT,
  );
});
