import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../src/session/session-id.js';
import { PLATFORMS } from '../support/session-app.js';
import { securityWorld, type MemcachedSecurityWorld } from './security-world.js';

const REQUESTS = 10_000;

/** Sends all of them over one connection, each behind the other, and answers all that came back. */
async function flood(url: string, cookieOf: (n: number) => string | undefined): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const answers = text(socket);
  for (let n = 1; n <= REQUESTS; n++) {
    const cookie = cookieOf(n);
    const lines = [
      ...['GET /read HTTP/1.1', 'Host: localhost'],
      ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]),
      ...(n === REQUESTS ? ['Connection: close'] : []),
    ];
    if (!socket.write(`${lines.join('\r\n')}\r\n\r\n`)) await once(socket, 'drain');
  }
  return answers;
}

function times(answers: string, pattern: RegExp): number {
  return answers.match(pattern)?.length ?? 0;
}

describe.each(PLATFORMS)('floods of requests, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({ platform });
  });

  afterAll(() => world.close());

  const expectStrangers = (answers: string): void => {
    expect(times(answers, /HTTP\/1.1 200 OK\r\n/g)).toBe(REQUESTS);
    expect(times(answers, /\r\n\r\n\{\}/g)).toBe(REQUESTS);
    expect(times(answers, /set-cookie/gi)).toBe(0);
  };

  it('CVE-2015-5143: without cookies cause no store operation', async () => {
    const commands = await world.commandsOf(async () => {
      expectStrangers(await flood(world.app.url, () => undefined));
    });
    expect(commands).toEqual([]);
    expect((await world.dump()).size).toBe(0);
  });

  it('with malformed ids cause no store operation', async () => {
    const bend = [
      (id: string) => id.slice(0, -1),
      (id: string) => `${id}A`,
      (id: string) => `${id.slice(0, -1)}B`, // not canonical: it has bits beyond the 32 bytes
      (id: string) => id.replace(/^./, '.'),
      (id: string) => `${id.slice(0, -1)}%00`,
      (id: string) => `${id}=`,
      (id: string) => `s:${id}`,
      (id: string) => `s%3A${id}.AAAA`,
      () => '',
      (id: string) => `j:{"id":"${id}"}`,
    ];
    const commands = await world.commandsOf(async () => {
      const bent = (n: number) => `SID=${bend[n % bend.length]!(newSessionId())}`;
      expectStrangers(await flood(world.app.url, bent));
    });
    expect(commands).toEqual([]);
  });
});
