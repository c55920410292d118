import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
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
  /** `127.0.0.1:port` */
  readonly server: string;
  readonly url: string;
  /** Connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it as a crash does; its data stay. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Where the data are: as long as its keeper runs, which removes it at the end. */
interface Home {
  readonly folder: string;
  readonly user: User | undefined;
  readonly keeper: ServerProcess;
}

export interface PostgresOptions {
  /** More command-line arguments. */
  readonly args?: readonly string[];
}

export async function startPostgres({ args = [] }: PostgresOptions = {}): Promise<Postgres> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const home = await makeHome();
    const begin = () => start(home, port, args);
    const server = await begin();
    if (await isReady(server)) return postgres(server, begin, home, port);

    await server.end('SIGKILL');
    await home.keeper.end('SIGKILL');
    // Another process may have taken the port.
    if (attempt === 3) throw new Error(`postgres does not start on port ${port}: ${server.log}`);
  }
}

async function makeHome(): Promise<Home> {
  const programs = await programFolder();
  const user = await serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  if (user) await chown(folder, user.uid, user.gid);
  const initdb = ['-D', folder, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8'];
  await execute(join(programs, 'initdb'), initdb, { ...user, cwd: folder });
  const keeper = await startServer('sleep', ['1000000'], { ...user, folder });
  return { folder, user, keeper };
}

async function start(
  { folder, user }: Home,
  port: number,
  more: readonly string[],
): Promise<ServerProcess> {
  const args = ['-D', folder, '-h', '127.0.0.1', '-p', String(port), '-k', '', '-F', ...more];
  return startServer(join(await programFolder(), 'postgres'), args, { ...user });
}

async function isReady(server: ServerProcess): Promise<boolean> {
  for (const end = Date.now() + 15_000; Date.now() < end && !server.hasExited; await delay(20)) {
    if (server.log.includes('ready to accept connections')) return true;
  }
  return false;
}

function postgres(
  first: ServerProcess,
  begin: () => Promise<ServerProcess>,
  home: Home,
  port: number,
): Postgres {
  let server = first;
  return {
    port,
    server: `127.0.0.1:${port}`,
    // First the process that makes others.
    pause: () => [server.pid, ...childrenOf(server.pid)].forEach(signalTo('SIGSTOP')),
    resume: () => [...childrenOf(server.pid), server.pid].forEach(signalTo('SIGCONT')),
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    kill: () => server.end('SIGQUIT'),
    async restart() {
      server = await begin();
      if (!(await isReady(server))) throw new Error(`postgres does not come back: ${server.log}`);
    },
    async stop() {
      // First the shutdown that lets clients go, who report a broken connection as an error; then,
      // for those a test has left open, the one that breaks them off.
      const breakOff = setTimeout(() => server.signal('SIGINT'), 2_000);
      await server.end('SIGTERM');
      clearTimeout(breakOff);
      await home.keeper.end('SIGKILL');
    },
  };
}

/** A connection is a process. */
function childrenOf(pid: number): number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return listed.trim().split(' ').map(Number);
}

function signalTo(name: NodeJS.Signals): (pid: number) => void {
  return (pid) => {
    try {
      process.kill(pid, name);
    } catch {
      // A connection that has ended meanwhile.
    }
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
