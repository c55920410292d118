import { execFileSync } from 'node:child_process';

/** The server under test has a core to itself; the load and memcached share the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Keeps all threads of a process on one core; `false` where that cannot be done. */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
