import { randomBytes } from 'node:crypto';

/** 256 random bits: far above the 128 that ASVS 5.0 V7.2.3 asks for. */
const ID_BYTES = 32;

/** 43 base64url characters. The last one holds 4 bits only, so only 16 of the 64 may stand there. */
const ID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/**
 * The prefix of ids of sessions that have their own lifetime: a read must not renew such a session to the
 * idle timeout of the options. The prefix is only a hint, and the record is authoritative. It takes 12 of the
 * 256 bits.
 */
const OWN_LIFE = '--';

export function newSessionId(hasOwnLife = false): string {
  return markedFor(hasOwnLife, () => randomBytes(ID_BYTES).toString('base64url'));
}

/** Creates a random text that shows whether its session has its own lifetime. */
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

/** Whether an id, or its source, belongs to a session with its own lifetime. */
export function isMarked(text: string): boolean {
  return text.startsWith(OWN_LIFE);
}

/** Whether this is the canonical form of 32 bytes. Nothing else is ever looked up. */
export function isSessionId(candidate: unknown): candidate is string {
  return typeof candidate === 'string' && candidate.length === 43 && ID.test(candidate);
}
