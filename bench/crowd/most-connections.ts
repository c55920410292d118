import { readFileSync } from 'node:fs';

/** For all else that a process has open. */
const SPARE = 500;

/** How many connections one process can have to one port here: each takes a file and a port. */
export function mostConnections(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    // Node.js raises its own limit to the hard one.
    const files = Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
    const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [first, last] = range.trim().split(/\s+/).map(Number) as [number, number];
    return Math.min(files, last - first) - SPARE;
  } catch {
    return Infinity; // not on Linux; too many connections give an error
  }
}
