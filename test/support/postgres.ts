import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { freePort, startServer, type ServerProcess } from './server-process.js';

const execute = promisify(execFile);

/** A PostgreSQL of a test's own, on the loopback interface, with nothing in it. */
export interface Postgres {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = await start(port);
    if (await isReady(server)) return postgres(server, port);

    await server.end('SIGKILL');
    // Another process may have taken the port.
    if (attempt === 3) throw new Error(`postgres does not start on port ${port}: ${server.log}`);
  }
}

async function start(port: number): Promise<ServerProcess> {
  const programs = await programFolder();
  const user = await serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  if (user) await chown(folder, user.uid, user.gid);
  const initdb = ['-D', folder, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8'];
  await execute(join(programs, 'initdb'), initdb, { ...user, cwd: folder });
  const args = ['-D', folder, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F'];
  return startServer(join(programs, 'postgres'), args, { ...user, folder });
}

async function isReady(server: ServerProcess): Promise<boolean> {
  for (const end = Date.now() + 15_000; Date.now() < end && !server.hasExited; await delay(20)) {
    if (server.log.includes('ready to accept connections')) return true;
  }
  return false;
}

function postgres(server: ServerProcess, port: number): Postgres {
  return {
    port,
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      // First the shutdown that lets clients go, who report a broken connection as an error; then,
      // for those a test has left open, the one that breaks them off.
      const breakOff = setTimeout(() => server.signal('SIGINT'), 2_000);
      await server.end('SIGTERM');
      clearTimeout(breakOff);
    },
  };
}

/** Debian keeps the server's programs off the PATH, in a folder for each version. */
async function programFolder(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  return newest ? join('/usr/lib/postgresql', newest, 'bin') : '';
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; its package brings a user for it. */
async function serverUser(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await execute('id', [flag, 'postgres'])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}
