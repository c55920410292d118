import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { DeadlineError } from '../../../src/store/deadline-error.js';
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
import { startMemcached, type Memcached } from '../../support/memcached.js';

const TIMEOUT = 200;
/** What a busy machine of tests may be late by. */
const SLACK = 2_000;

const keys = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);
const pass = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function timeOf(result: Promise<unknown>): Promise<[error: unknown, milliseconds: number]> {
  const began = performance.now();
  const error = await result.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return [error, performance.now() - began];
}

describe('a command that memcached does not answer', () => {
  let world: ConnectionWorld;

  afterEach(() => world.close());

  const expectLate = async (result: Promise<unknown>, within = TIMEOUT): Promise<void> => {
    const [error, milliseconds] = await timeOf(result);
    expect(error).toBeInstanceOf(DeadlineError);
    expect(milliseconds).toBeGreaterThan(within - 50);
    expect(milliseconds).toBeLessThan(within + SLACK);
  };

  it.each([
    ['a read', read('get', 'a')],
    ['a write', store('set', 'a', 'x', 0)],
  ])('fails in time, and its connection is closed: %s', async (_what, command) => {
    world = await connectionWorld(TIMEOUT);
    await expectLate(world.connection.send<unknown>(command));
    await world.server.connections[0]!.untilClosed();
    expect(world.observer.losses).toMatchObject([{ failed: 1 }]);
  });

  it('fails in time also beyond the 512 in flight', async () => {
    world = await connectionWorld(TIMEOUT);
    const results = await Promise.all(keys(2_000).map((key) => timeOf(world.get(key))));
    expect(results.filter(([error]) => !(error instanceof DeadlineError))).toEqual([]);
    const times = results.map(([, milliseconds]) => milliseconds);
    expect(Math.min(...times)).toBeGreaterThan(TIMEOUT - 50);
    expect(Math.max(...times)).toBeLessThan(TIMEOUT + SLACK);
    // Those that were given a moment later may be late a moment later.
    const failed = world.observer.losses.reduce((sum, loss) => sum + loss.failed, 0);
    expect(failed).toBe(2_000);
    expect(world.connection.size).toBe(0);
  });

  it('fails in time if it is given while others are late', async () => {
    world = await connectionWorld(TIMEOUT);
    const first = expectLate(world.get('a'));
    await pass(TIMEOUT / 2);
    const second = expectLate(world.get('b'));
    await Promise.all([first, second]);
  });

  it('fails the writes after it; reads that still have time are sent again', async () => {
    world = await connectionWorld(TIMEOUT);
    const first = timeOf(world.get('a'));
    await pass(TIMEOUT / 2);
    const write = timeOf(world.connection.send(store('set', 'b', 'x', 0)));
    const later = world.get('c');
    const second = await world.server.connection(1);
    expect(await second.untilLines(1)).toEqual(['get c']);
    second.reply(replyTo('get c'));
    expect(await later).toBe('text of c');
    for (const [error] of [await first, await write]) expect(error).toBeInstanceOf(DeadlineError);
  });

  it('is never answered by a late reply', async () => {
    world = await connectionWorld(TIMEOUT);
    await expectLate(world.get('a'));
    const next = world.get('b');
    const second = await world.server.connection(1);
    await second.untilLines(1);
    world.server.connections[0]!.reply(valueReply('b', 'of the old connection'));
    await pass(20);
    second.reply(valueReply('b', 'of the new one'));
    expect(await next).toBe('of the new one');
  });

  it('fails in time if its reply arrives byte by byte', async () => {
    world = await connectionWorld(TIMEOUT);
    const result = expectLate(world.get('a'));
    const server = await world.server.connection(0);
    await server.untilLines(1);
    const reply = valueReply('a', 'x'.repeat(1_000));
    let sent = 0;
    const dripping = setInterval(() => server.reply(reply[sent++]!), 5);
    await result;
    clearInterval(dripping);
    expect(sent).toBeLessThan(reply.length);
  });

  it('fails in time if its reply never ends', async () => {
    world = await connectionWorld(TIMEOUT);
    const result = expectLate(world.get('a'));
    const { socket, ...server } = await world.server.connection(0);
    await server.untilLines(1);
    socket.write('VALUE a 0 1073741824\r\n');
    const piece = Buffer.alloc(64 * 1024, 'x');
    const flood = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', flood);
    flood();
    await result;
  });

  it('fails at once if its reply is a line that never ends', async () => {
    world = await connectionWorld(10_000);
    world.server.onLine((_, { socket }) => {
      const more = () => !socket.destroyed && socket.write('x'.repeat(1_000), more);
      more();
    });
    const [error, milliseconds] = await timeOf(world.get('a'));
    expect(error).toBeInstanceOf(MalformedReplyError);
    expect(milliseconds).toBeLessThan(2_000);
  });

  it('fails in time if the connection is never opened', async () => {
    world = await connectionWorld(TIMEOUT);
    let signal: AbortSignal | undefined;
    const dialer = {
      isOpenedByServer: false,
      dial(given: AbortSignal) {
        signal = given;
        return new Promise<never>(() => undefined);
      },
    };
    const connection = new Connection(dialer, TIMEOUT, world.observer);
    await expectLate(connection.send(read('get', 'a')));
    expect(signal!.aborted).toBe(true);
    expect(world.observer.losses).toMatchObject([{ failed: 1 }]);
  });

  it('has its full time after an idle pause', async () => {
    world = await connectionWorld(TIMEOUT);
    world.server.onLine((line, connection) => connection.reply(replyTo(line)));
    await world.get('a');
    world.server.onLine(() => undefined);
    await pass(TIMEOUT * 2);
    await expectLate(world.get('b'));
  });

  it('is not late while it waits here and others are answered', async () => {
    world = await connectionWorld(TIMEOUT);
    // The server answers all that it has, 100 ms after it came: 6 rounds of 512.
    world.server.onLine((line, connection) => {
      setTimeout(() => connection.reply(replyTo(line)), TIMEOUT / 2);
    });
    const began = performance.now();
    const answers = await Promise.all(keys(3_000).map(world.get));
    expect(answers).toHaveLength(3_000);
    expect(performance.now() - began).toBeGreaterThan(2 * TIMEOUT);
    expect(world.observer.losses).toEqual([]);
  });
});

describe('a command that memcached has answered', () => {
  let memcached: Memcached;
  let observer: TestObserver;
  let connection: Connection;

  const open = async (): Promise<void> => {
    memcached = await startMemcached();
    observer = new TestObserver();
    connection = new Connection(new TestDialer(memcached.port), TIMEOUT, observer);
    await connection.send(store('set', 'k', 'text', 0));
  };
  const get = () => connection.send(read('get', 'k')).then((item) => item?.text);
  const block = (milliseconds: number) => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  };
  const expectAllAnswered = async (results: Promise<unknown>[]): Promise<void> => {
    const texts = await Promise.all(results);
    expect(new Set(texts)).toEqual(new Set(['text']));
    expect(observer.losses).toEqual([]);
  };

  afterEach(async () => {
    jest.restoreAllMocks();
    connection.close();
    await memcached.stop();
  });

  it.each([600, 2_000])('does not fail because this process was busy for %d ms', async (busy) => {
    await open();
    const results = Array.from({ length: 100 }, get);
    await new Promise(setImmediate); // they have gone out
    block(busy);
    await expectAllAnswered(results);
  });

  it('does not fail because this process was busy before it could be sent', async () => {
    await open();
    const results = Array.from({ length: 100 }, get);
    block(600);
    await expectAllAnswered(results);
  });

  it('does not fail because this process is busy in each turn', async () => {
    await open();
    const results: Promise<unknown>[] = [];
    for (let turn = 0; turn < 8; turn++) {
      results.push(...Array.from({ length: 20 }, get));
      await new Promise(setImmediate);
      block(150);
    }
    await expectAllAnswered(results);
  });

  it.each([
    ['an hour forward', 3_600_000],
    ['an hour back', -3_600_000],
    ['two seconds forward', 2_000],
  ])('does not fail because the clock was set: %s', async (_which, step) => {
    await open();
    memcached.pause();
    const results = Array.from({ length: 100 }, get);
    await pass(TIMEOUT / 4);
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + step);
    await pass(TIMEOUT / 4);
    memcached.resume();
    await expectAllAnswered(results);
    await expectAllAnswered([get()]);
  });

  it('is never late by the time of day', async () => {
    await open();
    memcached.pause();
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now); // it stands still
    const [error, milliseconds] = await timeOf(get());
    expect(error).toBeInstanceOf(DeadlineError);
    expect(milliseconds).toBeLessThan(TIMEOUT + SLACK);
  });
});
