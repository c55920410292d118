import { Keyv } from 'keyv';

/** How far apart the clocks of processes that share a store may be, in milliseconds. */
export const CLOCK_DIFFERENCE_MS = 3_600_000;

interface Stored {
  readonly value?: unknown;
  readonly expires?: number | undefined;
}

/**
 * A Keyv for sessions over the store of another one. That store throws its errors from now on: otherwise
 * Keyv would return `undefined` in an outage, like for a missing session.
 *
 * - A value that cannot be decoded counts as missing: an error would look like an outage.
 * - `expires`, which each process compares with its own clock, is later by `CLOCK_DIFFERENCE_MS`. The time to
 *   live in the store itself is not changed.
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
