import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { memcachedCommand, startMemcached, type Memcached } from './memcached.js';
import { recordingProxy, type RecordingProxy } from './recording-proxy.js';

describe('recordingProxy', () => {
  let memcached: Memcached;
  let proxy: RecordingProxy;

  beforeAll(async () => {
    memcached = await startMemcached();
  });

  afterAll(() => memcached.stop());

  beforeEach(async () => {
    await memcached.flush();
    proxy = await recordingProxy(memcached.port);
  });

  afterEach(() => proxy.close());

  const command = (line: string, timeout?: number): Promise<string> =>
    memcachedCommand(proxy.port, line, timeout);

  it('records pipelined commands without their values', async () => {
    const client = await connected();
    client.write('set k 0 60 7\r\nget x\r\n\r\nge');
    client.write('t k\r\ngats 60 k\r\nversion\r\n');
    const reply = await received(client, /VERSION/);

    expect(reply).toMatch(/^STORED\r\nVALUE k 0 7\r\nget x\r\n\r\nEND\r\nVALUE k 0 7 \d+\r\n/);
    expect(proxy.commands).toEqual([
      { name: 'set', key: 'k', line: 'set k 0 60 7' },
      { name: 'get', key: 'k', line: 'get k' },
      { name: 'gats', key: 'k', line: 'gats 60 k' },
      { name: 'version', key: '', line: 'version' },
    ]);
    proxy.reset();
    expect(proxy.commands).toEqual([]);
  });

  it('carries large values', async () => {
    const value = 'x\r\n'.repeat(300_000);
    expect(await command(`set k 0 60 ${value.length}\r\n${value}`)).toBe('STORED\r\n');
    expect(await command('get k')).toContain(value);
  });

  it('delays replies', async () => {
    proxy.delayReplies(100);
    const start = performance.now();
    expect(await command('set k 0 60 1\r\na')).toBe('STORED\r\n');
    expect(performance.now() - start).toBeGreaterThan(95);
  });

  it('delays commands', async () => {
    proxy.delayCommands(100);
    const reply = command('set k 0 60 1\r\na');
    await delay(50);
    expect(await memcached.command('get k')).toBe('END\r\n');
    expect(await reply).toBe('STORED\r\n');
  });

  it('keeps the order when a delay ends', async () => {
    const client = await connected();
    proxy.delayCommands(100);
    client.write('set k 0 60 1\r\na\r\n');
    await delay(20);
    proxy.delayCommands(0);
    client.write('get k\r\n');
    expect(await received(client, /END/)).toBe('STORED\r\nVALUE k 0 1\r\na\r\nEND\r\n');
  });

  it('keeps the order of many replies that are delayed', async () => {
    const client = await connected();
    proxy.delayReplies(20);
    const values = Array.from({ length: 100 }, (_, number) => `<${number}>`);
    for (const value of values) {
      client.write(`set k 0 60 ${value.length}\r\n${value}\r\nget k\r\n`);
      if (value.endsWith('0>')) await delay(1);
    }
    client.write('version\r\n');
    const reply = await received(client, /VERSION/);
    expect(reply.match(/<\d+>/g)).toEqual(values);
  });

  it('replaces replies', async () => {
    const client = await connected();
    proxy.changeReplies((reply) => ({ bytes: reply.subarray(0, 4) }));
    client.write('set k 0 60 1\r\na\r\nversion\r\n');
    expect(await received(client, /VERS/)).toBe('STORVERS');
    proxy.changeReplies(undefined);
    expect(await command('get k')).toContain('VALUE k');
  });

  it('resets a connection in the middle of a reply, and counts the connections', async () => {
    const client = await connected();
    proxy.changeReplies((reply) => ({ bytes: reply.subarray(0, 4), thenReset: true }));
    const closed = once(client, 'close');
    client.write('version\r\n');
    expect(await received(client, /VERSION/)).toBe('VERS');
    await closed;
    expect(proxy.connections).toBe(1);
  });

  it('fails writes in order, and passes reads', async () => {
    await command('set k 0 60 1\r\na');
    proxy.failWrites(true);
    const client = await connected();
    client.write('get k\r\nadd n 0 60 1\r\nb\r\nget k\r\nset k 0 60 1\r\nb\r\nversion\r\n');
    const value = 'VALUE k 0 1\r\na\r\nEND\r\n';
    const refusal = 'SERVER_ERROR out of memory storing object\r\n';
    expect(await received(client, /VERSION/)).toMatch(
      new RegExp(`^${value}${refusal}${value}${refusal}VERSION`),
    );

    proxy.failWrites(false);
    expect(await command('set k 0 60 1\r\nc')).toBe('STORED\r\n');
    expect(await command('get n')).toBe('END\r\n');
  });

  it('lets others write before each cas', async () => {
    await command('set k 0 60 1\r\na');
    const version = /^VALUE k 0 1 (\d+)/.exec(await command('gets k'))![1]!;
    proxy.outdateWrites(true);
    expect(await command(`cas k 0 60 1 ${version}\r\nb`)).toBe('EXISTS\r\n');
    proxy.outdateWrites(false);
    expect(await command(`cas k 0 60 1 ${version}\r\nb`)).toBe('STORED\r\n');
  });

  it('delays replies, and sends them in order', async () => {
    proxy.holdReplies(true);
    const client = await connected();
    client.write('set k 0 60 1\r\na\r\nget k\r\nversion\r\n');
    const all = received(client, /VERSION/);
    while ((await memcached.command('get k')) === 'END\r\n');
    expect(client.bytesRead).toBe(0);
    proxy.holdReplies(false);
    expect(await all).toMatch(/^STORED\r\nVALUE k 0 1\r\na\r\nEND\r\nVERSION/);
  });

  it('swallows everything while it hangs', async () => {
    proxy.hang(true);
    await expect(command('set k 0 60 1\r\na', 100)).rejects.toThrow('no answer');
    expect(proxy.commands).toHaveLength(1);
    proxy.hang(false);
    expect(await command('get k')).toBe('END\r\n');
  });

  it('drops connections', async () => {
    const client = await connected();
    const closed = new Promise((resolve) => client.once('close', resolve));
    proxy.cut();
    await closed;
    expect(await command('version')).toMatch(/^VERSION/);
  });

  it('refuses new connections, and listens again on the same port', async () => {
    const client = await connected();
    await proxy.refuse(true);
    await expect(command('version')).rejects.toThrow('ECONNREFUSED');
    client.write('version\r\n');
    expect(await received(client, /VERSION/)).toMatch(/^VERSION/);

    await proxy.refuse(false);
    expect(await command('version')).toMatch(/^VERSION/);
  });

  it('closes its clients when memcached does', async () => {
    const other = await startMemcached();
    const otherProxy = await recordingProxy(other.port);
    const client = await connected(otherProxy.port);
    client.write('version\r\n');
    await received(client, /VERSION/);
    const closed = new Promise((resolve) => client.once('close', resolve));
    await other.kill();
    await closed;
    await otherProxy.close();
  });

  async function connected(port = proxy.port): Promise<Socket> {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    await new Promise<void>((resolve) => client.once('connect', resolve));
    return client;
  }

  async function received(client: Socket, last: RegExp): Promise<string> {
    let text = '';
    for await (const chunk of client.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      if (last.test(text)) break;
    }
    return text;
  }
});
