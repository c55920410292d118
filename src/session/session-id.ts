import { randomBytes } from 'node:crypto';

/** 256 random bits: far above the 128 that ASVS 5.0 V7.2.3 asks for. */
const ID_BYTES = 32;

/** 43 base64url characters. The last one holds 4 bits only, so only 16 of the 64 may stand there. */
const ID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export function newSessionId(): string {
  return randomBytes(ID_BYTES).toString('base64url');
}

/** Whether this is the canonical form of 32 bytes. Nothing else is ever looked up. */
export function isSessionId(candidate: unknown): candidate is string {
  return typeof candidate === 'string' && candidate.length === 43 && ID.test(candidate);
}
