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

/** `packages`: those whose versions matter. */
export function surroundings(packages: readonly string[]): Surroundings {
  return {
    date: new Date().toISOString(),
    machine: machine(),
    versions: {
      'nestjs-session-manager': ownVersion(),
      node: process.version.slice(1),
      memcached: execFileSync('memcached', ['--version']).toString().trim().split(' ')[1]!,
      ...Object.fromEntries(packages.map((name) => [name, installedVersion(name)])),
    },
  };
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
