import { Keyv } from 'keyv';

/** How far apart the clocks of processes that share a store may be, in milliseconds. */
export const CLOCK_DIFFERENCE_MS = 3_600_000;

interface Stored {
  readonly value?: unknown;
  readonly expires?: number | undefined;
}

/**
 * A Keyv for sessions over the store of another one, which tells its
 * errors from now on: otherwise an outage is answered with `undefined`, which would be a missing session.
 *
 * - What cannot be read is missing, and no error: one key must not look like an outage.
 * - `expires`, which each process compares with a clock of its own, is later by as much as clocks may be
 *   apart. The time to live that the store itself keeps is what was asked for.
 */
export function sessionKeyv(keyv: Keyv): Keyv {
  keyv.throwOnErrors = true;
  const store = keyv.store as { throwOnErrors?: boolean };
  if ('throwOnErrors' in store) store.throwOnErrors = true; // such as @keyv/redis
  const { serialize, deserialize, compression } = keyv;
  return new Keyv({
    ...keyv.opts,
    store,
    emitErrors: false,
    serialize(data: Stored) {
      const later = { ...data, expires: data.expires && data.expires + CLOCK_DIFFERENCE_MS };
      return serialize ? serialize(later as never) : (later as unknown as string);
    },
    deserialize: (text: string) => orNothing(() => deserialize?.(text) as never),
    ...(compression && {
      compression: {
        ...compression,
        compress: (value: unknown) => compression.compress(value),
        decompress: (value: unknown) => orNothing(() => compression.decompress(value)),
      },
    }),
  });
}

async function orNothing<T>(read: () => T | Promise<T>): Promise<Awaited<T> | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
