import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RecordRefused } from '../../../src/store/atomic-record.js';
import { OverloadError } from '../../../src/store/deadline-error.js';
import { authenticate, read, store } from '../../../src/store/memcached/commands.js';
import { QueueFullError, type Command } from '../../../src/store/memcached/connection.js';
import { connectionWorld, replyTo, type ConnectionWorld } from '../../support/connection-world.js';

const keys = (count: number, prefix = 'k'): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`);

describe('commands over a connection to memcached', () => {
  let world: ConnectionWorld;

  beforeEach(async () => {
    world = await connectionWorld();
  });

  afterEach(() => world.close());

  const answerAll = () =>
    world.server.onLine((line, connection) => connection.reply(replyTo(line)));
  const set = (key: string, data = 'x') => world.connection.send(store('set', key, data, 0));
  const add = (key: string) => world.connection.send(store('add', key, 'x', 0));

  it('open a connection at the first one, and use it for all', async () => {
    answerAll();
    expect(world.server.connections).toHaveLength(0);
    for (const key of keys(3)) expect(await world.get(key)).toBe(`text of ${key}`);
    expect(world.server.connections).toHaveLength(1);
  });

  it('are sent in one write if they are given in one turn, and answered in order', async () => {
    answerAll();
    await world.get('first');
    const answers = keys(100).map(world.get);
    expect(await Promise.all(answers)).toEqual(keys(100).map((key) => `text of ${key}`));
    expect(world.dialer.writes).toHaveLength(2);
    expect(world.dialer.writes[1]).toBe(
      keys(100)
        .map((key) => `get ${key}\r\n`)
        .join(''),
    );
  });

  it('are also sent in one write if the connection is not open yet', async () => {
    answerAll();
    await Promise.all(keys(100).map(world.get));
    expect(world.dialer.writes).toHaveLength(1);
  });

  it('do not wait for the replies of earlier turns', async () => {
    const first = world.get('a');
    const server = await world.server.connection(0);
    await server.untilLines(1);
    const second = world.get('b');
    expect(await server.untilLines(2)).toEqual(['get a', 'get b']);
    server.reply(replyTo('get a') + replyTo('get b'));
    expect(await Promise.all([first, second])).toEqual(['text of a', 'text of b']);
  });

  it('settle in the order in which they were given', async () => {
    answerAll();
    const settled: string[] = [];
    await Promise.all(keys(50).map((key) => world.get(key).then(() => settled.push(key))));
    expect(settled).toEqual(keys(50));
  });

  it('accept a reply in any chunks', async () => {
    const both = Promise.all([world.get('a'), world.get('b')]);
    const server = await world.server.connection(0);
    await server.untilLines(2);
    for (const byte of replyTo('get a') + replyTo('get b')) {
      server.reply(byte);
      await new Promise(setImmediate);
    }
    expect(await both).toEqual(['text of a', 'text of b']);
  });

  it('are in flight 512 at a time; others wait here', async () => {
    const answers = keys(600).map(world.get);
    const server = await world.server.connection(0);
    await server.untilLines(512);
    expect(world.connection.size).toBe(600);
    for (const key of keys(10)) server.reply(replyTo(`get ${key}`));
    await Promise.all(answers.slice(0, 10));
    await server.untilLines(522);
    expect(server.lines).toEqual(keys(522).map((key) => `get ${key}`));
    answerAll();
    for (const key of keys(522).slice(10)) server.reply(replyTo(`get ${key}`));
    expect(await Promise.all(answers)).toEqual(keys(600).map((key) => `text of ${key}`));
    expect(world.connection.size).toBe(0);
  });

  it('are sent in several writes if they are large', async () => {
    const data = 'x'.repeat(700_000);
    const stored = keys(6).map((key) => set(key, data));
    const server = await world.server.connection(0);
    await server.untilLines(12);
    for (const text of world.dialer.writes) expect(text.length).toBeLessThan(2_000_000);
    server.reply('STORED\r\n'.repeat(6));
    await Promise.all(stored);
  });

  it('that memcached refuses do not affect others', async () => {
    const results = Promise.allSettled([world.get('a'), add('b'), world.get('c')]);
    const server = await world.server.connection(0);
    await server.untilLines(4);
    server.reply(`${replyTo('get a')}NOT_STORED\r\n${replyTo('get c')}`);
    const [first, second, third] = await results;
    expect([first, third]).toMatchObject([{ value: 'text of a' }, { value: 'text of c' }]);
    expect(second).toMatchObject({ reason: expect.any(RecordRefused) });
    expect(world.observer.refusals).toEqual([expect.any(RecordRefused)]);
    expect(world.observer.losses).toEqual([]);
    expect(world.server.connections).toHaveLength(1);
  });

  it('report a reply of the server, also a negative one', async () => {
    answerAll();
    await world.get('a');
    expect(world.observer.replies).toBe(1);
    world.server.onLine((_, connection) => connection.reply('SERVER_ERROR busy\r\n'));
    await expect(world.get('b')).rejects.toThrow('SERVER_ERROR busy');
    expect(world.observer.replies).toBe(2);
  });

  it('may fail by an error of their reader, without effect on others', async () => {
    answerAll();
    const wrong: Command<never> = {
      text: 'get a\r\n',
      read: () => {
        throw new TypeError('not mine');
      },
    };
    const results = [world.connection.send(wrong), world.get('b')];
    await expect(results[0]).rejects.toThrow('not mine');
    expect(await results[1]).toBe('text of b');
  });

  describe('after a greeting', () => {
    beforeEach(() => {
      world.dialer.greeting = authenticate({ username: 'app', password: 'secret' });
    });

    it('are not sent before it is answered', async () => {
      const answers = Promise.all(keys(3).map(world.get));
      const server = await world.server.connection(0);
      await server.untilLines(2);
      await new Promise(setImmediate);
      expect(server.lines).toEqual(['set auth 0 0 10', 'app secret']);
      answerAll();
      server.reply('STORED\r\n');
      expect(await answers).toEqual(keys(3).map((key) => `text of ${key}`));
    });

    it('that is refused fail by it, and are not sent', async () => {
      const results = Promise.allSettled(keys(3).map(world.get));
      const server = await world.server.connection(0);
      await server.untilLines(2);
      server.reply('CLIENT_ERROR authentication failure\r\n');
      for (const result of await results) {
        expect(result).toMatchObject({
          reason: { message: expect.stringContaining('memcached.auth') },
        });
      }
      await server.untilClosed();
      expect(server.lines).toHaveLength(2);
    });

    it('wait for it on each new connection', async () => {
      world.server.onLine((line, connection) => {
        if (line === 'app secret') connection.reply('STORED\r\n');
        else if (line.startsWith('get')) connection.reply(replyTo(line));
      });
      await world.get('a');
      world.server.connections[0]!.socket.destroy();
      await new Promise((resolve) => world.dialer.sockets[0]!.once('close', resolve));
      await world.get('b');
      expect(world.server.connections[1]!.lines[1]).toBe('app secret');
    });
  });

  describe('of which too many wait', () => {
    it('are refused at once beyond 100,000, and accepted again when fewer wait', async () => {
      const results = Promise.allSettled(keys(100_000).map(world.get));
      const refused = world.get('more');
      await expect(refused).rejects.toBeInstanceOf(QueueFullError);
      await expect(refused).rejects.toBeInstanceOf(OverloadError);
      expect(world.observer).toMatchObject({ losses: [], refusals: [] });

      answerAll();
      const all = await results;
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(100_000);
      expect(await world.get('more')).toBe('text of more');
    });

    it('are refused at once beyond 256 MiB, and smaller ones are not', async () => {
      const text = 'x'.repeat(16 * 1024 * 1024);
      const large: Command<unknown> = { text, read: () => undefined };
      const results = Array.from({ length: 16 }, () => world.connection.send(large));
      await expect(world.connection.send(large)).rejects.toBeInstanceOf(QueueFullError);
      world.observer.isDown = true;
      await world.server.close();
      const all = await Promise.allSettled(results);
      for (const result of all) {
        expect(result).not.toMatchObject({ reason: expect.any(QueueFullError) });
      }
      // Their room is free again.
      const next = world.connection.send(large);
      await expect(next).rejects.not.toBeInstanceOf(QueueFullError);
    });
  });

  describe('on a connection that is being closed', () => {
    it('are still answered, then the connection is closed', async () => {
      const answers = Promise.all(keys(600).map(world.get));
      const server = await world.server.connection(0);
      await server.untilLines(512);
      world.connection.close();
      answerAll();
      for (const key of keys(512)) server.reply(replyTo(`get ${key}`));
      expect(await answers).toHaveLength(600);
      await server.untilClosed();
      expect(world.observer.losses).toEqual([]);
    });

    it('that come later are served by a connection that closes after them', async () => {
      answerAll();
      world.connection.close();
      for (const n of [0, 1]) {
        expect(await world.get('a')).toBe('text of a');
        await (await world.server.connection(n)).untilClosed();
      }
      expect(world.observer.losses).toEqual([]);
    });

    it('are not needed: an idle connection is closed at once', async () => {
      answerAll();
      await world.get('a');
      world.connection.close();
      world.connection.close();
      await (await world.server.connection(0)).untilClosed();
      expect(world.server.connections).toHaveLength(1);
    });
  });

  it('never get the reply of another one', async () => {
    world.server.onLine((line, connection) => {
      const key = line.split(' ')[1]!;
      connection.reply(replyTo(`get ${key}`));
    });
    const found = await Promise.all(
      keys(1000).map((key) => world.connection.send(read('get', key))),
    );
    expect(found.map((item) => item?.key)).toEqual(keys(1000));
  });
});
