import { AsyncLocalStorage } from 'node:async_hooks';

import type { memcachedStore } from 'nestjs-session-manager';

/** The round trips that a request makes to memcached. */
export class RequestCost {
  reads = 0;
  writes = 0;

  get roundTrips(): number {
    return this.reads + this.writes;
  }
}

const currentRequest = new AsyncLocalStorage<RequestCost>();

/** Counts to `cost` all that `work` asks of a counted store, now and later. */
export function countingTo(cost: RequestCost, work: () => void): void {
  currentRequest.run(cost, work);
}

/** Each operation of this store is one round trip; Keyv's hooks report them. */
export function countRoundTrips(
  store: ReturnType<typeof memcachedStore>,
): ReturnType<typeof memcachedStore> {
  const count = (kind: 'reads' | 'writes') => () => {
    const cost = currentRequest.getStore();
    if (cost) cost[kind]++;
  };
  store.hooks.addHandler('preGet', count('reads'));
  store.hooks.addHandler('preSet', count('writes'));
  store.hooks.addHandler('preDelete', count('writes'));
  return store;
}
