import { createHmac } from 'node:crypto';

import { parseCookie, stringifySetCookie } from 'cookie';
import { unsign } from 'cookie-signature';

import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionOptionsError, SessionStoreError, SessionValueError } from '../session/errors.js';
import { checkKey, toLooseJson } from '../session/entry-value.js';
import type { ForeignSession, SessionMigration } from '../session/foreign-session.js';

type Done = (error?: unknown, session?: unknown) => void;

/** The part of an express-session store, such as connect-redis, that is used. */
export interface ExpressSessionStore {
  /** Reads a session. */
  get(id: string, done: (error?: unknown, session?: unknown) => void): unknown;
  /** Removes a session. */
  destroy(id: string, done?: (error?: unknown) => void): unknown;
}

/** The options of `expressSession()`: the same that the application passed to express-session. */
export interface ExpressSessionOptions {
  /** The secret that signed the cookies, or a list of all such secrets. */
  readonly secret: string | readonly string[];
  /** The store that contains the sessions. */
  readonly store: ExpressSessionStore;
  /** The cookie's name. Default `'connect.sid'`. */
  readonly name?: string | undefined;
  /** The cookie's path and domain, needed to delete it. Default: `path` is `'/'`, and no `domain`. */
  readonly cookie?:
    { readonly path?: string | undefined; readonly domain?: string | undefined } | undefined;
}

/** How long a request waits for the old store, in milliseconds. */
const TIMEOUT = 2000;

/**
 * Migrates sessions of express-session, for the option `migrateFrom` of `SessionModule`. The first use of a
 * session with an express-session cookie creates a session with the same entries and a new id.
 *
 * @throws SessionOptionsError that names the first wrong option
 */
export function expressSession(options: ExpressSessionOptions): SessionMigration {
  refuseUnknownOptions(options, ['secret', 'store', 'name', 'cookie'], 'expressSession');
  const { secret, store, name = 'connect.sid', cookie = {} } = options;
  const secrets = typeof secret === 'string' ? [secret] : [...(secret ?? [])];
  if (secrets.length === 0 || !secrets.every((one) => typeof one === 'string' && one !== '')) {
    throw new SessionOptionsError('expressSession.secret', 'give the secret of express-session');
  }
  if (typeof store?.get !== 'function' || typeof store.destroy !== 'function') {
    throw new SessionOptionsError(
      'expressSession.store',
      'give the store of express-session, with get and destroy',
    );
  }
  const { path = '/', domain } = cookie;
  const where = { path, ...(domain !== undefined && { domain }) };
  return {
    clearing: stringifySetCookie(name, '', { ...where, maxAge: 0, expires: new Date(0) }),
    sessionOf(header) {
      if (!header.includes(name)) return undefined;
      const value = parseCookie(header)[name];
      if (!value?.startsWith('s:')) return undefined;
      for (const one of secrets) {
        const id = unsign(value.slice(2), one);
        if (id !== false) return new StoredSession(id, one, store);
      }
      return undefined;
    },
  };
}

class StoredSession implements ForeignSession {
  constructor(
    private readonly id: string,
    private readonly secret: string,
    private readonly store: ExpressSessionStore,
  ) {}

  /** The same for all parallel requests with this cookie, so that they get one session. */
  get ticket() {
    const text = `nestjs-session-manager express-session ${this.id}`;
    return { id: createHmac('sha256', this.secret).update(text).digest('base64url'), secret: 0 };
  }

  async read(): Promise<ReadonlyMap<string, string> | undefined> {
    const stored = await ask((done) => this.store.get(this.id, done));
    if (typeof stored !== 'object' || stored === null) return undefined;
    const { cookie, ...entries } = stored as { cookie?: { expires?: string | Date | null } };
    const expires = cookie?.expires ? new Date(cookie.expires).getTime() : Infinity;
    if (expires <= Date.now()) return undefined;
    const texts = new Map<string, string>();
    for (const [key, value] of Object.entries(entries)) {
      const json = textOf(key, value);
      if (json !== undefined) texts.set(key, json);
    }
    return texts;
  }

  async destroy(): Promise<void> {
    await ask((done) => this.store.destroy(this.id, done));
  }
}

/** The JSON of an entry. `undefined`: it cannot be an entry, as with the key `__proto__`, and is dropped. */
function textOf(key: string, value: unknown): string | undefined {
  try {
    checkKey(key);
    return toLooseJson(key, value);
  } catch (error) {
    if (error instanceof SessionValueError) return undefined;
    throw error;
  }
}

/** Reports an error or a timeout as an outage, so that no user is treated as signed out. */
async function ask(work: (done: Done) => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      // `setImmediate`: reads an answer that arrived while this process was busy first.
      timer = setTimeout(() => setImmediate(reject, new Error('no answer in time')), TIMEOUT);
      work((error, session) => {
        const isMissing = (error as { code?: string } | undefined)?.code === 'ENOENT';
        if (error && !isMissing)
          reject(error instanceof Error ? error : new Error('its store failed', { cause: error }));
        else resolve(session);
      });
    });
  } catch (cause) {
    throw new SessionStoreError({ cause });
  } finally {
    clearTimeout(timer);
  }
}
