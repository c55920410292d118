import { hash } from 'node:crypto';

export interface WeightedServer {
  readonly server: string;
  readonly weight: number;
}

/** The server for a key: the same in every process, for any order of `servers`. */
export function best<S extends WeightedServer>(servers: readonly S[], key: string): S {
  let winner = servers[0]!;
  let highest = servers.length > 1 ? score(winner, key) : 0;
  for (let at = 1; at < servers.length; at++) {
    const candidate = score(servers[at]!, key);
    if (candidate > highest) [winner, highest] = [servers[at]!, candidate];
  }
  return winner;
}

/**
 * Weighted rendezvous hashing: adding or removing a server moves only that server's keys, and each server
 * gets keys in proportion to its weight (J. Resch, "New Hashing Algorithms for Data Storage", 2015).
 */
function score({ server, weight }: WeightedServer, key: string): number {
  const drawn = hash('sha256', server + key, 'buffer').readUInt32BE();
  return -weight / Math.log((drawn + 0.5) / 2 ** 32);
}
