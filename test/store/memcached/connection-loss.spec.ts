import { once } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { read, store } from '../../../src/store/memcached/commands.js';
import { Connection } from '../../../src/store/memcached/connection.js';
import { MalformedReplyError } from '../../../src/store/memcached/reply-parser.js';
import {
  connectionWorld,
  replyTo,
  TestDialer,
  TestObserver,
  valueReply,
  type ConnectionWorld,
} from '../../support/connection-world.js';
import { freePort } from '../../support/server-process.js';

const CLOSED = 'memcached closed the connection';

describe('a connection to memcached that is lost', () => {
  let world: ConnectionWorld;

  beforeEach(async () => {
    world = await connectionWorld();
  });

  afterEach(() => world.close());

  const set = (key: string) => world.connection.send(store('set', key, key, 0));
  const answer = (line: string) => (line.startsWith('get') ? replyTo(line) : 'STORED\r\n');
  const losses = () => world.observer.losses.map(({ error, failed }) => [error.message, failed]);
  const outcomes = async (results: Promise<unknown>[]) =>
    (await Promise.allSettled(results)).map((one) =>
      one.status === 'fulfilled' ? one.value : (one.reason as Error).message,
    );

  it('has its reads repeated in order, and its writes fail', async () => {
    const results = [world.get('a'), set('b'), world.get('c'), set('d'), world.get('e')];
    const first = await world.server.connection(0);
    await first.untilLines(7);
    first.socket.end();
    const second = await world.server.connection(1);
    expect(await second.untilLines(3)).toEqual(['get a', 'get c', 'get e']);
    for (const line of second.lines) second.reply(answer(line));
    expect(await outcomes(results)).toEqual([
      'text of a',
      CLOSED,
      'text of c',
      CLOSED,
      'text of e',
    ]);
    expect(losses()).toEqual([[CLOSED, 2]]);
  });

  it('is reported once, however many commands it concerns', async () => {
    const results = Array.from({ length: 300 }, (_, n) => set(`k${n}`));
    const first = await world.server.connection(0);
    await first.untilLines(600);
    first.socket.resetAndDestroy();
    const failed = await outcomes(results);
    expect(new Set(failed)).toEqual(new Set(['read ECONNRESET']));
    expect(losses()).toEqual([['read ECONNRESET', 300]]);
  });

  it('keeps commands that were never sent for the next connection, also writes', async () => {
    const results = Array.from({ length: 520 }, (_, n) => set(`k${n}`));
    const first = await world.server.connection(0);
    await first.untilLines(1024);
    first.socket.destroy();
    const second = await world.server.connection(1);
    await second.untilLines(16);
    expect(second.lines.filter((line) => line.startsWith('set'))).toEqual(
      Array.from({ length: 8 }, (_, n) => `set k${512 + n} 0 0 4`),
    );
    second.reply('STORED\r\n'.repeat(8));
    const all = await Promise.allSettled(results);
    expect(all.slice(0, 512).filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(all.slice(512).filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(world.observer.losses.map(({ failed }) => failed)).toEqual([512]);
  });

  it('fails a read that was sent twice', async () => {
    const result = world.get('a');
    for (const n of [0, 1]) {
      const connection = await world.server.connection(n);
      await connection.untilLines(1);
      connection.socket.end();
    }
    await expect(result).rejects.toThrow(CLOSED);
    expect(world.server.connections).toHaveLength(2);
    expect(losses()).toEqual([
      [CLOSED, 0],
      [CLOSED, 1],
    ]);
  });

  it('fails all commands if the server is down, and does not connect again', async () => {
    const results = [world.get('a'), set('b')];
    const first = await world.server.connection(0);
    await first.untilLines(3);
    world.observer.isDown = true;
    first.socket.end();
    expect(await outcomes(results)).toEqual([CLOSED, CLOSED]);
    expect(world.server.connections).toHaveLength(1);
    expect(world.connection.size).toBe(0);
  });

  it('keeps the replies that arrived before', async () => {
    const results = [set('a'), set('b'), world.get('c')];
    const first = await world.server.connection(0);
    await first.untilLines(5);
    first.socket.end('STORED\r\n');
    world.server.onLine((line, connection) => connection.reply(answer(line)));
    expect(await outcomes(results)).toEqual([undefined, CLOSED, 'text of c']);
    expect(losses()).toEqual([[CLOSED, 1]]);
  });

  it('within a reply drops the received part', async () => {
    const result = world.get('a');
    const first = await world.server.connection(0);
    await first.untilLines(1);
    first.socket.end('VALUE a 0 100\r\nhalf of');
    const second = await world.server.connection(1);
    await second.untilLines(1);
    second.reply(valueReply('a', 'all of it'));
    expect(await result).toBe('all of it');
  });

  it('while idle is not reported, and the next command opens another', async () => {
    world.server.onLine((line, connection) => connection.reply(answer(line)));
    await world.get('a');
    world.server.connections[0]!.socket.end();
    await once(world.dialer.sockets[0]!, 'close');
    expect(losses()).toEqual([]);
    expect(world.server.connections).toHaveLength(1);
    expect(await outcomes([set('b')])).toEqual([undefined]);
    expect(world.server.connections).toHaveLength(2);
    expect(losses()).toEqual([]);
  });

  it('is not opened again after close() if no command waits', async () => {
    const result = set('a');
    const first = await world.server.connection(0);
    await first.untilLines(2);
    world.connection.close();
    first.socket.end();
    expect(await outcomes([result])).toEqual([CLOSED]);
    await new Promise(setImmediate);
    expect(world.server.connections).toHaveLength(1);
  });

  describe('because it is out of step', () => {
    it('is closed, fails the writes behind the wrong reply, and repeats the reads', async () => {
      const results = [world.get('a'), set('b'), world.get('c')];
      const first = await world.server.connection(0);
      await first.untilLines(4);
      first.reply('STORED\nSTORED\r\n');
      await first.untilClosed();
      const second = await world.server.connection(1);
      await second.untilLines(2);
      for (const line of second.lines) second.reply(answer(line));
      const [a, b, c] = await outcomes(results);
      expect([a, c]).toEqual(['text of a', 'text of c']);
      expect(b).toMatch(/a line that does not end/);
      expect(losses()).toEqual([[b, 1]]);
    });

    it.each([
      ['an item of another key', valueReply('other', 'theirs')],
      ['ERROR', 'ERROR Too many open connections\r\n'],
    ])('by %s is reported as lost, also for the only command', async (_what, reply) => {
      world.server.onLine((_, connection) => connection.reply(reply));
      await expect(world.get('a')).rejects.toBeInstanceOf(MalformedReplyError);
      await world.server.connections.at(-1)!.untilClosed();
      expect(world.observer.losses.length).toBeGreaterThan(0);
      expect(world.observer.losses.at(-1)!.failed).toBe(1);
    });

    it('gives no reply to another command', async () => {
      const results = [world.get('a'), world.get('b')];
      const first = await world.server.connection(0);
      await first.untilLines(2);
      first.reply(replyTo('get b') + replyTo('get a'));
      world.server.onLine((line, connection) => connection.reply(answer(line)));
      const [, b] = await outcomes(results);
      expect(b).toBe('text of b');
    });

    it('by an unexpected reply is replaced for the next command', async () => {
      world.server.onLine((line, connection) => connection.reply(answer(line)));
      await world.get('a');
      const [first] = world.server.connections;
      first!.reply('STORED\r\n');
      await first!.untilClosed();
      expect(await world.get('b')).toBe('text of b');
      expect(world.server.connections).toHaveLength(2);
    });
  });
});

describe('a connection that cannot be opened', () => {
  it('fails all waiting commands with the reason, and is reported once', async () => {
    const observer = new TestObserver();
    const connection = new Connection(new TestDialer(await freePort()), 1_000, observer);
    const commands = [read('get', 'a'), store('set', 'b', 'b', 0), read('get', 'c')];
    const results = await Promise.allSettled(commands.map((one) => connection.send<unknown>(one)));
    for (const result of results) {
      expect(result).toMatchObject({ reason: { message: expect.stringMatching(/ECONNREFUSED/) } });
    }
    expect(observer.losses.map(({ failed }) => failed)).toEqual([3]);
    expect(connection.size).toBe(0);
  });

  it('is tried again by the next command', async () => {
    const port = await freePort();
    const observer = new TestObserver();
    const connection = new Connection(new TestDialer(port), 1_000, observer);
    for (let time = 1; time <= 3; time++) {
      await expect(connection.send(read('get', 'a'))).rejects.toThrow('ECONNREFUSED');
      expect(observer.losses).toHaveLength(time);
    }
  });
});
