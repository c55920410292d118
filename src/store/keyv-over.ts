import { Keyv, type KeyvStoreAdapter } from 'keyv';

/**
 * A Keyv that hands values and errors through as they are: the adapter keeps the keys, the values
 * and their time to live itself.
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
