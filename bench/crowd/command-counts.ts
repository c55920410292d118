import type { Memcached } from '../../test/support/memcached.js';

/** What a memcached has done so far. */
export interface CommandCounts {
  /** Commands, of all kinds that sessions use. */
  readonly commands: number;
  /** Compare-and-sets that another write came before: each is a retry. */
  readonly conflicts: number;
}

export async function commandCounts(memcached: Memcached): Promise<CommandCounts> {
  const stats = await memcached.stats();
  const count = (name: string): number => Number(stats[name] ?? 0);
  return {
    // A get-and-touch counts as a get and as a touch.
    commands: count('cmd_get') + count('cmd_set') + count('cmd_touch') - count('get_touched'),
    conflicts: count('cas_badval'),
  };
}
