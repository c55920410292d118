import { execFileSync } from 'node:child_process';
import { IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http';
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { makeResponsesHoldable } from '../../src/http/holdable-response.js';

const CLASSES = {
  IncomingMessage,
  OutgoingMessage,
  ServerResponse,
  Http2ServerRequest,
  Http2ServerResponse,
};

interface Members {
  readonly own: string[];
  /** What `for … in` finds. */
  readonly listed: string[];
}

/** Run in another process as well, so it uses nothing from here. */
function membersOf(classes: Record<string, { prototype: object }>): Record<string, Members> {
  return Object.fromEntries(
    Object.entries(classes).map(([name, { prototype }]) => {
      const listed: string[] = [];
      for (const key in prototype) listed.push(key);
      return [name, { own: Object.getOwnPropertyNames(prototype).sort(), listed: listed.sort() }];
    }),
  );
}

/** As Node.js has them, in a process that never saw this package. */
function pristine(): Record<string, Members> {
  const program = `
    const classes = { ...require('node:http'), ...require('node:http2') };
    const names = ${JSON.stringify(Object.keys(CLASSES))};
    const chosen = Object.fromEntries(names.map((name) => [name, classes[name]]));
    console.log(JSON.stringify((${membersOf.toString()})(chosen)));`;
  return JSON.parse(execFileSync(process.execPath, ['--eval', program]).toString()) as never;
}

const HELD = ['end', 'flushHeaders', 'headersSent', 'removeHeader', 'setHeader', 'writableEnded'];
const ALL_HELD = [...HELD, 'appendHeader', 'write', 'writeHead'];

describe("Node.js's prototypes", () => {
  let before: Record<string, Members>;

  beforeAll(() => {
    before = pristine();
    makeResponsesHoldable();
  });

  it.each([
    ['ServerResponse', [...ALL_HELD, 'setHeaders', '_implicitHeader', 'writeHeader']],
    ['Http2ServerResponse', ALL_HELD],
    ['OutgoingMessage', []],
    ['IncomingMessage', []],
    ['Http2ServerRequest', []],
  ])('get no additional members: %s', (name, held) => {
    const now = membersOf(CLASSES)[name]!;
    expect(now.own).toEqual([...new Set([...before[name]!.own, ...held])].sort());
    expect(now.listed).toEqual(before[name]!.listed);
  });

  it('are changed only once', () => {
    const prototypes = [ServerResponse.prototype, Http2ServerResponse.prototype];
    const once = prototypes.map((prototype) => Object.getOwnPropertyDescriptors(prototype));
    makeResponsesHoldable();
    expect(prototypes.map((prototype) => Object.getOwnPropertyDescriptors(prototype))).toEqual(
      once,
    );
  });
});
