import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { endsReply, replyReader } from './memcached-protocol.js';
import { freePort, startServer, type ServerProcess } from './server-process.js';

/** A memcached of a test's own, on the loopback interface. */
export interface Memcached {
  readonly port: number;
  /** `127.0.0.1:port`, or `[::1]:port` for IPv6 */
  readonly server: string;
  readonly pid: number;
  /** Ends it for good; nothing happens if it is gone. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Sends a command of the text protocol (with its data block, if any) and answers the whole reply. */
  command(line: string): Promise<string>;
  stats(): Promise<Record<string, string>>;
  /** The keys of all items. */
  keys(): Promise<string[]>;
  /** Forgets all items. */
  flush(): Promise<void>;
}

export interface MemcachedOptions {
  /** More command-line arguments, such as `-I 2m`. */
  args?: readonly string[];
  /** To come back where another one was. Without it: any free port. */
  port?: number;
  /** Another loopback address than 127.0.0.1. */
  host?: string;
}

/** Starts a memcached; done as soon as it answers. */
export async function startMemcached(options: MemcachedOptions = {}): Promise<Memcached> {
  const { host = '127.0.0.1' } = options;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const process = await startServer('memcached', [
      ...['-l', host, '-p', String(port)],
      ...(isRoot() ? ['-u', 'nobody'] : []),
      ...(options.args ?? []),
    ]);
    if (await answers(process, port, host)) return memcached(process, port, host);

    await process.end('SIGKILL');
    // Another process may have taken the port, or not yet given it back.
    if (attempt === 5) throw new Error(`memcached does not start on port ${port}: ${process.log}`);
    await delay(100);
  }
}

function memcached(process: ServerProcess, port: number, host: string): Memcached {
  const command = (line: string): Promise<string> => memcachedCommand(port, line, undefined, host);
  return {
    port,
    server: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    pid: process.pid,
    // To SIGTERM it answers a second later, and there is nothing it could save.
    stop: () => process.end('SIGKILL'),
    kill: () => process.end('SIGKILL'),
    pause: () => {
      process.signal('SIGSTOP');
      waitUntilStopped(process.pid);
    },
    resume: () => process.signal('SIGCONT'),
    command,
    async stats() {
      const lines = (await command('stats')).matchAll(/^STAT (\S+) (.*)\r$/gm);
      return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]));
    },
    keys: () => allKeys(command),
    async flush() {
      await command('flush_all');
    },
  };
}

/**
 * Through the hash table, since an item that changes its LRU list meanwhile is in none of the lists;
 * again while memcached's own crawler is at work, as it answers nothing else then.
 */
async function allKeys(command: Memcached['command']): Promise<string[]> {
  for (;;) {
    const dump = await command('lru_crawler metadump hash');
    if (!/^(BUSY|LOCKED)/.test(dump)) {
      return Array.from(dump.matchAll(/^key=(\S+)/gm), ([, key]) => decodeURIComponent(key!));
    }
    await delay(10);
  }
}

/** One command over a connection of its own. */
export function memcachedCommand(
  port: number,
  line: string,
  timeout = 5_000,
  host = '127.0.0.1',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = replyReader();
    let reply = '';
    const socket = connect(port, host);
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new Error(`memcached, '${line.split('\r\n')[0]}': ${reason}`));
    };
    socket.setTimeout(timeout, () => fail(`no answer within ${timeout} ms`));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('connection closed'));
    socket.on('data', (chunk: Buffer) => {
      for (const unit of reader.read(chunk)) {
        reply += unit.bytes.toString();
        if (!endsReply(unit)) continue;
        resolve(reply);
        socket.destroy();
        return;
      }
    });
    socket.write(`${line}\r\n`);
  });
}

async function answers(process: ServerProcess, port: number, host: string): Promise<boolean> {
  for (const end = Date.now() + 5_000; Date.now() < end && !process.hasExited; await delay(10)) {
    const version = await memcachedCommand(port, 'version', 1_000, host).catch(() => '');
    // The answer counts only if it is this process that gave it.
    if (!version) continue;
    const stats = await memcachedCommand(port, 'stats', undefined, host);
    return stats.includes(`pid ${process.pid}\r`);
  }
  return false;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Its threads may still answer for a moment after the signal; Linux shows when they no longer do. */
function waitUntilStopped(pid: number): void {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return;
  const isStopped = (task: string): boolean =>
    /\) [Tt] /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
  while (!readdirSync(tasks).every(isStopped));
}
