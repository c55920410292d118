import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { startMemcached } from '../support/memcached.js';
import type { Fault } from './fault.js';
import { Filler } from './filler.js';
import type { MemcachedWorld } from './memcached-world.js';

const hung: Fault<MemcachedWorld> = {
  name: 'memcached hangs (SIGSTOP), and continues',
  async begin({ memcached }) {
    memcached.pause();
  },
  async end({ memcached }) {
    memcached.resume();
  },
};

const killed: Fault<MemcachedWorld> = {
  name: 'memcached is killed, and restarted empty',
  loses: 'all',
  async begin({ memcached }) {
    await memcached.kill();
  },
  async end(world) {
    world.memcached = await startMemcached({ port: world.memcached.port });
  },
};

/** Rounds after which records that were not used in the meantime are evicted. */
const ROUNDS = 5;

/** Half of the visitors send nothing in the meantime, because records in use are not evicted first. */
function evicting(): Fault<MemcachedWorld> {
  let isOver = false;
  let flood: Promise<void>;
  return {
    name: 'memcached is full, and evicts (`-m 8`)',
    args: ['-m', '8'],
    refuses: 'nothing',
    loses: 'some',
    async begin({ memcached, sides }) {
      for (const { crowd } of sides) crowd.send(true, 0.5);
      const filler = await Filler.connect(memcached.port);
      // However few rounds a busy machine has time for later.
      for (let round = 0; round < ROUNDS; round++) await filler.evict();
      flood = (async () => {
        while (!isOver) {
          await filler.evict();
          await delay(100);
        }
        filler.close();
      })();
    },
    async end({ sides }) {
      isOver = true;
      await flood;
      for (const { crowd } of sides) crowd.send(false, 0.5);
    },
  };
}

function withoutEvictions(): Fault<MemcachedWorld> {
  let filler: Filler;
  return {
    name: 'memcached is full, and refuses (`-M`)',
    args: ['-m', '8', '-M'],
    refuses: 'writes',
    async begin({ memcached }) {
      filler = await Filler.connect(memcached.port);
      await filler.fill();
    },
    async end() {
      await filler.empty();
      filler.close();
    },
  };
}

/** Other clients have all of its connections, the applications' own among them. */
function outOfConnections(): Fault<MemcachedWorld> {
  const others: Socket[] = [];
  return {
    name: 'memcached is out of connections (`-c`)',
    args: ['-c', '40'],
    isProxied: true,
    async begin({ memcached, proxy }) {
      await proxy.refuse(true);
      proxy.cut();
      for (let isFull = false; !isFull;) {
        const socket = connect(memcached.port, '127.0.0.1');
        socket.on('error', () => undefined);
        isFull = await new Promise<boolean>((resolve) => {
          // Full is what answers nothing, or an error, or hangs up.
          const timer = setTimeout(resolve, 300, true);
          socket.once('close', () => resolve(true));
          socket.once('data', (chunk: Buffer) => {
            clearTimeout(timer);
            resolve(!chunk.toString().startsWith('VERSION'));
          });
          socket.write('version\r\n');
        });
        others.push(socket);
      }
      await proxy.refuse(false);
    },
    async end() {
      for (const socket of others) socket.destroy();
    },
  };
}

export const memcachedFaults = (): Fault<MemcachedWorld>[] => [
  hung,
  killed,
  evicting(),
  withoutEvictions(),
  outOfConnections(),
];
