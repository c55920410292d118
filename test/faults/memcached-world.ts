import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import type { Fault, FaultyWorld } from './fault.js';
import type { Contender } from './faults-app.js';
import { startSides } from './sides.js';

/** What goes wrong with memcached, or with connections to it. */
export interface MemcachedWorld extends FaultyWorld {
  /** Another one after it was restarted. */
  memcached: Memcached;
  readonly proxy: RecordingProxy;
}

export async function startMemcachedWorld(
  fault: Fault<MemcachedWorld>,
  contenders: readonly Contender[],
): Promise<MemcachedWorld> {
  const memcached = await startMemcached({ args: fault.args ?? [] });
  const proxy = await recordingProxy(memcached.port);
  const { server } = fault.isProxied ? proxy : memcached;
  const world: MemcachedWorld = {
    memcached,
    proxy,
    sides: await startSides(fault, contenders, { memcached: server }),
    takeCommands() {
      const { length } = proxy.commands.filter(({ key }) => key.startsWith('sess:'));
      proxy.reset();
      return length;
    },
    async stopStore() {
      await proxy.close();
      await world.memcached.stop();
    },
  };
  return world;
}
