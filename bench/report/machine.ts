import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';

/** Where and on what it was measured: figures say nothing without it. */
export interface Surroundings {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** How a server's program prints its version. Debian keeps that of PostgreSQL off the PATH, but not its client. */
const PROGRAMS = { memcached: 'memcached', Redis: 'redis-server', Postgres: 'psql' } as const;

export type ServerName = keyof typeof PROGRAMS;

/** `packages`: those whose versions matter. */
export function surroundings(
  packages: readonly string[],
  server: ServerName = 'memcached',
): Surroundings {
  return {
    date: new Date().toISOString(),
    machine: machine(),
    versions: {
      'nestjs-session-manager': ownVersion(),
      node: process.version.slice(1),
      [server]: serverVersion(server),
      ...Object.fromEntries(packages.map((name) => [name, installedVersion(name)])),
    },
  };
}

function serverVersion(server: ServerName): string {
  const told = execFileSync(PROGRAMS[server], ['--version']).toString();
  return /\d+(\.\d+)+/.exec(told)![0];
}

function machine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cores.length} × ${cores[0]!.model.trim()}, ${memory} GiB, ${type()} ${release()}`;
}

function ownVersion(): string {
  return versionIn('package.json');
}

function installedVersion(name: string): string {
  return versionIn(`node_modules/${name}/package.json`);
}

/** The scripts run in the project's folder. */
function versionIn(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
