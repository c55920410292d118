import { setTimeout as delay } from 'node:timers/promises';

import type { Fault } from './fault.js';
import type { ProxiedWorld } from './other-worlds.js';

const refused: Fault<ProxiedWorld> = {
  name: 'connections are refused',
  isProxied: true,
  begin: ({ proxy }) => proxy.refuse(true),
  end: ({ proxy }) => proxy.refuse(false),
};

const silent: Fault<ProxiedWorld> = {
  name: 'connections carry nothing for a while',
  isProxied: true,
  async begin({ proxy }) {
    proxy.hang(true);
  },
  async end({ proxy }) {
    proxy.hang(false);
  },
};

/** A read is repeated. A write that was on its way is not. */
const cut: Fault<ProxiedWorld> = {
  name: 'all connections are closed at once',
  isProxied: true,
  isMomentary: true,
  refuses: 'some',
  async begin({ proxy }) {
    proxy.cut();
  },
  end: () => Promise.resolve(),
};

/** As after the loss of a machine or of a firewall's memory. */
export const halfOpen: Fault<ProxiedWorld> = {
  name: 'all connections carry nothing any more (half-open), and new ones work',
  isProxied: true,
  isMomentary: true,
  async begin({ proxy }) {
    proxy.vanish();
  },
  end: () => Promise.resolve(),
};

/** Closed again and again. */
function unstable(): Fault<ProxiedWorld> {
  let isOver = false;
  let cutting: Promise<void>;
  return {
    name: 'all connections are closed every 100 ms',
    isProxied: true,
    isFitful: true,
    refuses: 'some',
    async begin({ proxy }) {
      cutting = (async () => {
        for (; !isOver; await delay(100)) proxy.cut();
      })();
    },
    async end() {
      isOver = true;
      await cutting;
    },
  };
}

function slowed(
  milliseconds: number,
  more: Partial<Fault<ProxiedWorld>> = {},
): Fault<ProxiedWorld> {
  return {
    name: `replies take ${milliseconds} ms longer`,
    isProxied: true,
    async begin({ proxy }) {
      proxy.delay(milliseconds);
    },
    async end({ proxy }) {
      proxy.delay(0);
    },
    ...more,
  };
}

/** `served`: milliseconds of a delay with which all can still be served. */
export const tcpFaults = (served: readonly number[]): Fault<ProxiedWorld>[] => [
  refused,
  cut,
  unstable(),
  halfOpen,
  silent,
  ...served.map((milliseconds) => slowed(milliseconds, { refuses: 'nothing', operations: 2 })),
  slowed(2000),
];
