import { randomBytes } from 'node:crypto';

/** 256 random bits: far above the 128 that ASVS 5.0 V7.2.3 asks for. */
const ID_BYTES = 32;

/** 43 base64url characters. The last one holds 4 bits only, so only 16 of the 64 may stand there. */
const ID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/**
 * Ids of sessions that have a lifetime of their own begin like this: whoever reads such a session must not
 * renew it to the lifetime of the options by the same command. It is a hint: what counts is in the record.
 * It takes 12 of the 256 bits.
 */
const OWN_LIFE = '--';

export function newSessionId(hasOwnLife = false): string {
  return markedFor(hasOwnLife, () => randomBytes(ID_BYTES).toString('base64url'));
}

/** Makes a random text that tells whether its session has a lifetime of its own. */
export function markedFor(hasOwnLife: boolean, random: () => string): string {
  if (hasOwnLife) return marked(random());
  for (;;) {
    const text = random();
    if (!isMarked(text)) return text;
  }
}

export function marked(text: string): string {
  return OWN_LIFE + text.slice(OWN_LIFE.length);
}

/** Whether an id, or what one is derived from, is of a session with a lifetime of its own. */
export function isMarked(text: string): boolean {
  return text.startsWith(OWN_LIFE);
}

/** Whether this is the canonical form of 32 bytes. Nothing else is ever looked up. */
export function isSessionId(candidate: unknown): candidate is string {
  return typeof candidate === 'string' && candidate.length === 43 && ID.test(candidate);
}
