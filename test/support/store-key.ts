import { StoreKeys } from '../../src/session/storage/keys.js';

/** Where the session of this id is kept, without secrets. */
export function storeKeyOf(id: string, prefix = 'sess:'): string {
  return new StoreKeys(prefix, []).of({ id, secret: 0 });
}
