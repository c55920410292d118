import { randomBytes } from 'node:crypto';

import type { ChangedReply } from '../support/recording-proxy.js';
import type { Fault } from './fault.js';
import type { MemcachedWorld } from './memcached-world.js';

const refused: Fault<MemcachedWorld> = {
  name: 'connections are refused',
  isProxied: true,
  async begin({ proxy }) {
    await proxy.refuse(true);
    proxy.cut();
  },
  async end({ proxy }) {
    await proxy.refuse(false);
  },
};

/** Each reply is changed on its way. */
function changed(
  name: string,
  change: (reply: Buffer) => ChangedReply,
  more: Partial<Fault<MemcachedWorld>> = {},
): Fault<MemcachedWorld> {
  return {
    name,
    isProxied: true,
    async begin({ proxy }) {
      proxy.changeReplies(change);
    },
    async end({ proxy }) {
      proxy.changeReplies(undefined);
    },
    ...more,
  };
}

function slowed(
  milliseconds: number,
  more: Partial<Fault<MemcachedWorld>> = {},
): Fault<MemcachedWorld> {
  return {
    name: `replies take ${milliseconds} ms longer`,
    isProxied: true,
    async begin({ proxy }) {
      proxy.delayReplies(milliseconds);
    },
    async end({ proxy }) {
      proxy.delayReplies(0);
    },
    ...more,
  };
}

const half = (reply: Buffer): Buffer => reply.subarray(0, reply.length / 2);

/**
 * From the first reply on: nothing for 700 ms, then all of it at once, and a while on time. So some replies,
 * but not all, are later than any time-out.
 */
function gusts(): () => number {
  let began: number | undefined;
  return () => {
    const now = performance.now();
    began ??= now;
    return Math.max(0, 700 - ((now - began) % 900));
  };
}

export const connectionFaults = (inGusts = gusts()): Fault<MemcachedWorld>[] => [
  refused,
  changed('connections are reset in the middle of a reply', (reply) => ({
    bytes: half(reply),
    thenReset: true,
  })),
  slowed(50, { refuses: 'nothing', operations: 2 }),
  slowed(300, { refuses: 'nothing', operations: 2 }),
  slowed(2000),
  changed('replies are garbage', (reply) => ({
    bytes: Buffer.concat([randomBytes(reply.length), Buffer.from('\r\n')]),
  })),
  changed('replies are cut in half', (reply) => ({ bytes: half(reply) })),
  changed('replies come late, out of step', (bytes) => ({ bytes, delay: inGusts() }), {
    isFitful: true,
  }),
];
