import type { Keyv } from 'keyv';

interface Hold {
  holders: number;
  isAsked: boolean;
}

const holds = new WeakMap<Keyv, Hold>();

/**
 * Keeps a Keyv connected when it is told to disconnect. Nest does so before it closes its HTTP server, when
 * requests are still in flight. The function that is answered lets go: then, if it was told so meanwhile, it
 * disconnects, unless another application holds it, too.
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
    if (hold.isAsked) await keyv.disconnect();
  };
}

function begin(keyv: Keyv): Hold {
  const hold: Hold = { holders: 0, isAsked: false };
  holds.set(keyv, hold);
  keyv.disconnect = () => {
    hold.isAsked = true;
    return Promise.resolve();
  };
  return hold;
}
