import type { Keyv } from 'keyv';

interface Hold {
  holders: number;
  isDisconnectRequested: boolean;
}

const holds = new WeakMap<Keyv, Hold>();

/**
 * Delays the `disconnect()` of a Keyv. Nest calls it before it closes its HTTP server, when requests are
 * still in flight. The returned function ends the hold; after the last hold, a requested `disconnect()` is
 * made.
 */
export function holdConnection(keyv: Keyv): () => Promise<void> {
  const hold = holds.get(keyv) ?? begin(keyv);
  hold.holders++;
  let isHeld = true;
  return async () => {
    if (!isHeld) return;
    isHeld = false;
    if (--hold.holders > 0) return;
    holds.delete(keyv);
    Reflect.deleteProperty(keyv, 'disconnect');
    if (hold.isDisconnectRequested) await keyv.disconnect();
  };
}

function begin(keyv: Keyv): Hold {
  const hold: Hold = { holders: 0, isDisconnectRequested: false };
  holds.set(keyv, hold);
  keyv.disconnect = () => {
    hold.isDisconnectRequested = true;
    return Promise.resolve();
  };
  return hold;
}
