import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { memcachedCommand, startMemcached, type Memcached } from './memcached.js';
import { GUARD } from './server-process.js';

describe('startMemcached', () => {
  let memcached: Memcached;

  beforeEach(async () => {
    memcached = await startMemcached();
  });

  afterEach(() => memcached.stop());

  it('returns complete replies, with data blocks', async () => {
    expect(await memcached.command('set k 0 60 10\r\nEND\r\nSTORE')).toBe('STORED\r\n');
    expect(await memcached.command('get k')).toBe('VALUE k 0 10\r\nEND\r\nSTORE\r\nEND\r\n');
    expect(await memcached.command('mg k v')).toBe('VA 10\r\nEND\r\nSTORE\r\n');
    expect(await memcached.command('nonsense')).toBe('ERROR\r\n');
    expect(await memcached.command('touch k')).toBe('ERROR\r\n');
  });

  it('counts', async () => {
    await memcached.command('get missing');
    expect(await memcached.stats()).toMatchObject({
      pid: String(memcached.pid),
      cmd_get: '1',
      get_misses: '1',
    });
  });

  it('forgets all items when flushed', async () => {
    await memcached.command('set k 0 60 1\r\na');
    await memcached.flush();
    expect(await memcached.command('get k')).toBe('END\r\n');
  });

  it('says nothing while it is paused', async () => {
    memcached.pause();
    await expect(memcachedCommand(memcached.port, 'version', 200)).rejects.toThrow('no answer');
    memcached.resume();
    expect(await memcached.command('version')).toMatch(/^VERSION /);
  });

  it('is gone after a kill, and another one can use its port', async () => {
    await memcached.command('set k 0 60 1\r\na');
    await memcached.kill();
    await expect(memcached.command('version')).rejects.toThrow('ECONNREFUSED');

    const { port } = memcached;
    memcached = await startMemcached({ port, args: ['-I', '2m'] });
    expect(memcached.server).toBe(`127.0.0.1:${port}`);
    expect(await memcached.command('get k')).toBe('END\r\n');
    expect(await memcached.command('stats settings')).toContain('item_size_max 2097152');
  });

  it('can be stopped while paused, and twice', async () => {
    memcached.pause();
    await memcached.stop();
    await memcached.stop();
  });

  it('runs beside another one', async () => {
    const other = await startMemcached();
    expect(other.port).not.toBe(memcached.port);
    await other.stop();
  });
});

describe('a server of a test', () => {
  it('leaves no server behind when its own process is killed', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const guard = spawn('sh', ['-c', ${JSON.stringify(GUARD)}, 'sh', 'sleep', '600']);
      guard.stdout.pipe(process.stdout);`;
    const parent = spawn(process.execPath, ['-e', script]);
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);

    parent.kill('SIGKILL');
    for (let tries = 0; tries < 100 && isAlive(pid); tries++) await delay(20);
    expect(isAlive(pid)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
