import { hash, randomBytes } from 'node:crypto';

import { SessionValueError } from './errors.js';

/** The user of a signed-in session. */
export interface SessionUser {
  readonly id: string;
  /** Identifies the session among the user's, through every new id. It gives no access. */
  readonly handle: string;
}

/** Facts about a client at its sign-in, by which the user can recognise it. */
export interface SessionClient {
  readonly userAgent?: string | undefined;
  /** As seen through the proxies that the framework trusts. */
  readonly ip?: string | undefined;
}

const HANDLE_BYTES = 16;
/** The length of 16 bytes in base64url. */
const ANONYMOUS_HANDLE_LENGTH = 22;
const MAX_USER_ID_LENGTH = 255;

/** Limits, as these texts come from clients and are stored for each session. The longest address is IPv6. */
const MAX_USER_AGENT_LENGTH = 256;
const MAX_IP_LENGTH = 64;

/** The handle of an anonymous session: a digest of its first key. It reveals neither key nor id. */
export function handleOf(key: string): string {
  return hash('sha256', `handle ${key}`, 'base64url').slice(0, ANONYMOUS_HANDLE_LENGTH);
}

export function newHandle(): string {
  return randomBytes(HANDLE_BYTES).toString('base64url');
}

/** @throws SessionValueError if the user id is invalid */
export function checkUserId(userId: unknown): asserts userId is string {
  if (typeof userId !== 'string') {
    throw new SessionValueError(
      'userId',
      'a user id must be a string; for a number use String(id)',
    );
  }
  // A lone surrogate would become another character in UTF-8, and the id that of another user.
  if (userId === '' || userId.length > MAX_USER_ID_LENGTH || /\p{Surrogate}/u.test(userId)) {
    throw new SessionValueError(
      'userId',
      `a user id must have 1 to ${MAX_USER_ID_LENGTH} characters of well-formed Unicode`,
    );
  }
}

export function withinLengths({ userAgent, ip }: SessionClient): SessionClient {
  return {
    userAgent: userAgent?.slice(0, MAX_USER_AGENT_LENGTH),
    ip: ip?.slice(0, MAX_IP_LENGTH),
  };
}
