import { createHmac } from 'node:crypto';

import { parseCookie, stringifySetCookie } from 'cookie';
import { unsign } from 'cookie-signature';

import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionOptionsError, SessionValueError } from '../session/errors.js';
import { checkKey, toLooseJson } from '../session/entry-value.js';
import {
  ForeignStoreError,
  type ForeignEntries,
  type ForeignSession,
  type SessionMigration,
} from '../session/foreign-session.js';
import { printable } from '../session/printable.js';
import { checkUserId } from '../session/session-user.js';

type UserIdOf = (entries: object) => string | null | undefined;

type Done = (error?: unknown, session?: unknown) => void;

/** The part of an express-session store, such as connect-redis, that is used. */
export interface ExpressSessionStore {
  /** Reads a session. */
  get(id: string, done: (error?: unknown, session?: unknown) => void): unknown;
  /** Removes a session. */
  destroy(id: string, done?: (error?: unknown) => void): unknown;
}

/** The attributes of the cookie of express-session by which browsers find it. Others are ignored. */
export interface ExpressSessionCookie {
  /** Default `'/'`. */
  readonly path?: string | undefined;
  /** Default: none, a cookie of one host. */
  readonly domain?: string | undefined;
  /** `true`: the cookie is deleted over https only. Default `false`. */
  readonly secure?: boolean | 'auto' | undefined;
  /** Default: none. */
  readonly sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  /** Default `false`. */
  readonly partitioned?: boolean | undefined;
}

/** The options of `expressSession()`: the same that the application passed to express-session. */
export interface ExpressSessionOptions<Entries extends object = Record<string, unknown>> {
  /** The secret that signed the cookies, or a list of all such secrets. */
  readonly secret: string | readonly string[];
  /** The store that contains the sessions. */
  readonly store: ExpressSessionStore;
  /** The cookie's name. Default `'connect.sid'`. */
  readonly name?: string | undefined;
  /** The cookie's attributes, needed to delete it. Default: `path` is `'/'`, and no others. */
  readonly cookie?: ExpressSessionCookie | undefined;
  /**
   * Returns the id of the user who is signed in with a session, such as
   * `({ passport }) => passport && String(passport.user)`, from its entries. The user is then signed in here,
   * and appears in `UserSessions`. `undefined`: no user is signed in. Default: no user is, whatever the entries
   * say.
   */
  readonly userId?: ((entries: Entries) => string | null | undefined) | undefined;
}

/** How long a request waits for the old store, in milliseconds. */
const TIMEOUT = 2000;

/**
 * Migrates sessions of express-session, for the option `migrateFrom` of `SessionModule`. The first use of a
 * session with an express-session cookie creates a session with the same entries and a new id.
 *
 * @throws SessionOptionsError that names the first wrong option
 */
export function expressSession<Entries extends object = Record<string, unknown>>(
  options: ExpressSessionOptions<Entries>,
): SessionMigration {
  refuseUnknownOptions(options, ['secret', 'store', 'name', 'cookie', 'userId'], 'expressSession');
  const { secret, store, name = 'connect.sid', cookie = {} } = options;
  const userId = options.userId as UserIdOf | undefined;
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
  if (userId !== undefined && typeof userId !== 'function') {
    throw new SessionOptionsError(
      'expressSession.userId',
      'give a function of the entries, such as ({ userId }) => userId',
    );
  }
  return {
    cookieName: name,
    clearing: clearing(name, cookie),
    sessionOf(header) {
      if (!header.includes(name)) return undefined;
      const value = parseCookie(header)[name];
      if (!value?.startsWith('s:')) return undefined;
      for (const one of secrets) {
        const id = unsign(value.slice(2), one);
        if (id !== false) return new StoredSession(id, one, store, userId);
      }
      return undefined;
    },
  };
}

/** Browsers refuse to replace a cookie by one that breaks the rules of its name, of CHIPS or of its site. */
function clearing(name: string, cookie: ExpressSessionCookie): string {
  const { path = '/', domain, sameSite, partitioned = false } = cookie;
  const secure = cookie.secure === true || partitioned || /^__(host|secure|http)-/i.test(name);
  return stringifySetCookie(name, '', {
    ...{ path, secure, partitioned, httpOnly: true, maxAge: 0, expires: new Date(0) },
    ...(domain !== undefined && { domain }),
    ...(sameSite !== undefined && { sameSite }),
  });
}

class StoredSession implements ForeignSession {
  constructor(
    private readonly id: string,
    private readonly secret: string,
    private readonly store: ExpressSessionStore,
    private readonly userId: UserIdOf | undefined,
  ) {}

  /** The same for all parallel requests with this cookie, so that they get one session. */
  get ticket() {
    const text = `nestjs-session-manager express-session ${this.id}`;
    return { id: createHmac('sha256', this.secret).update(text).digest('base64url'), secret: 0 };
  }

  async read(): Promise<ForeignEntries | undefined> {
    const stored = await this.ask((done) => this.store.get(this.id, done));
    if (typeof stored !== 'object' || stored === null) return undefined;
    const { cookie, ...entries } = stored as { cookie?: { expires?: string | Date | null } };
    const expires = cookie?.expires ? new Date(cookie.expires).getTime() : Infinity;
    if (expires <= Date.now()) return undefined;
    const texts = new Map<string, string>();
    for (const [key, value] of Object.entries(entries)) {
      const json = textOf(key, value);
      if (json !== undefined) texts.set(key, json);
    }
    const userId = this.userId?.(entries) ?? undefined;
    if (userId !== undefined) checkUserId(userId);
    return { entries: texts, userId };
  }

  async destroy(): Promise<void> {
    await this.ask((done) => this.store.destroy(this.id, done));
  }

  /** Reports an error or a timeout as an outage, so that no user is treated as signed out. */
  private async ask(work: (done: Done) => unknown): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        // `setImmediate`: reads an answer that arrived while this process was busy first.
        timer = setTimeout(() => setImmediate(reject, new Error('no answer in time')), TIMEOUT);
        const answer = work((error, session) => {
          const isMissing = (error as { code?: string } | undefined)?.code === 'ENOENT';
          if (!error || isMissing) resolve(session);
          else reject(error instanceof Error ? error : new Error(printable(error)));
        });
        // A store that fails before it calls back.
        if (answer instanceof Promise) answer.catch(reject);
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : printable(cause);
      throw new ForeignStoreError(reason.replaceAll(this.id, '…'), { cause });
    } finally {
      clearTimeout(timer);
    }
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
