import { Keyv, type KeyvStoreAdapter } from 'keyv';

/**
 * A Keyv that passes keys, values, times to live and errors to and from the adapter unchanged.
 */
export function keyvOver(adapter: KeyvStoreAdapter): Keyv {
  return new Keyv({
    store: adapter,
    serialize: undefined,
    deserialize: undefined,
    namespace: undefined,
    useKeyPrefix: false,
    throwOnErrors: true,
    emitErrors: false,
  });
}
