import { hash, randomBytes } from 'node:crypto';

import { SessionValueError } from './errors.js';

/** Whose session it is, for a session that is signed in. */
export interface SessionUser {
  readonly id: string;
  /** Tells it from the user's other sessions, through every new id; it opens nothing. */
  readonly handle: string;
}

/** What is known of a client when it signs in, for the user to recognise it by. */
export interface SessionClient {
  readonly userAgent?: string | undefined;
  /** As seen through the proxies that the framework was told to trust. */
  readonly ip?: string | undefined;
}

const HANDLE_BYTES = 16;
/** As long as those of 16 bytes in base64url. */
const ANONYMOUS_HANDLE_LENGTH = 22;
const MAX_USER_ID_LENGTH = 255;

/** They come from outside, and are kept for each session. The longest address is one of IPv6. */
const MAX_USER_AGENT_LENGTH = 256;
const MAX_IP_LENGTH = 64;

/** Of a session that nobody is signed in with, by the first key it had. It leads to neither key nor id. */
export function handleOf(key: string): string {
  return hash('sha256', `handle ${key}`, 'base64url').slice(0, ANONYMOUS_HANDLE_LENGTH);
}

export function newHandle(): string {
  return randomBytes(HANDLE_BYTES).toString('base64url');
}

/** @throws SessionValueError unless it can be a user id */
export function checkUserId(userId: unknown): asserts userId is string {
  if (typeof userId !== 'string') {
    throw new SessionValueError(
      'userId',
      'a user id must be a string; for a number use String(id)',
    );
  }
  // Half a character would become another one in UTF-8, and so another user's.
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
