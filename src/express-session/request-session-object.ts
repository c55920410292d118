import { inspect } from 'node:util';

import type { SessionError } from '../session/errors.js';
import { checkKey, toLooseJson } from '../session/entry-value.js';
import type { SessionState } from '../session/session-state.js';
import type { CookieLife, RequestSessionCookie } from './request-session-cookie.js';
import type { Callback, RequestSessionObject } from './request-session-types.js';

/** What `request.session` asks of its request. */
export interface SessionOwner {
  readonly request: object;
  newCookie(life: CookieLife): RequestSessionCookie;
  setCookieLife(seconds: number | false): void;
  regenerate(from: SessionValues): Promise<void>;
  save(from: SessionValues): Promise<void>;
  reload(from: SessionValues): Promise<void>;
  destroy(from: SessionValues): Promise<void>;
}

const SELF = Symbol('request.session');

/** The values behind `request.session`: those of the session, until it gets another id. */
export class SessionValues implements CookieLife {
  /** What is not stored, as JSON leaves it out; all that is left of a session which goes on elsewhere. */
  private readonly local = new Map<string, unknown>();
  private isDetached = false;
  private ownCookie: RequestSessionCookie | undefined;
  readonly object: RequestSessionObject;

  constructor(
    readonly state: SessionState,
    readonly owner: SessionOwner,
    private readonly refusal?: () => SessionError,
  ) {
    this.object = new Proxy<object>(new Members(this), propertyAccess) as RequestSessionObject;
  }

  /** Whether it is no session any more, only its last values. */
  get isOld(): boolean {
    return this.isDetached;
  }

  get cookie(): RequestSessionCookie {
    return (this.ownCookie ??= this.owner.newCookie(this));
  }

  /** Passport assigns that of the session before. */
  set cookie(cookie: RequestSessionCookie) {
    this.cookie.assign(cookie);
  }

  get seconds(): number | false {
    return this.state.cookieLife;
  }

  setSeconds(seconds: number | false): void {
    if (!this.isDetached) this.owner.setCookieLife(seconds);
  }

  /** From now on it keeps its values for itself: passport copies them into the next session. */
  detach(): void {
    if (this.isDetached) return;
    for (const key of this.keys()) this.local.set(key, this.get(key));
    this.isDetached = true;
  }

  get(key: string): unknown {
    if (!this.mayBeStored(key) || this.local.has(key)) return this.local.get(key);
    return this.state.entries.get(key, toLooseJson);
  }

  has(key: string): boolean {
    return this.local.has(key) || (this.mayBeStored(key) && this.state.entries.has(key));
  }

  keys(): Iterable<string> {
    const stored = [...this.state.entries.keys()].filter((key) => this.mayBeStored(key));
    return new Set([...stored, ...this.local.keys()]);
  }

  set(key: string, value: unknown): void {
    checkKey(key);
    if (!this.mayBeStored(key)) {
      this.local.set(key, value);
      return;
    }
    if (this.refusal) throw this.refusal();
    this.state.entries.set(key, value, toLooseJson);
    // A function, say, is there as long as the request.
    if (this.state.entries.has(key)) this.local.delete(key);
    else this.local.set(key, value);
  }

  delete(key: string): void {
    if (this.refusal) throw this.refusal();
    this.local.delete(key);
    if (!this.isDetached) this.state.entries.delete(key);
  }

  /** As a plain object, the cookie first. */
  toPlain(): Record<string, unknown> {
    const entries = [...this.keys()].map((key): [string, unknown] => [key, this.get(key)]);
    return { cookie: this.cookie, ...Object.fromEntries(entries) };
  }

  /** As in express-session, none of the names that an object has, or the session itself, is an entry. */
  private mayBeStored(key: string): boolean {
    return !this.isDetached && !RESERVED.has(key);
  }
}

/** The members of `request.session`. They are called on the proxy, whose `SELF` is the object behind it. */
class Members {
  readonly #values: SessionValues;

  constructor(values: SessionValues) {
    this.#values = values;
  }

  get [SELF](): this {
    return this;
  }

  get id(): string {
    return this.#values.state.id;
  }

  get req(): object {
    return this.#values.owner.request;
  }

  get cookie(): RequestSessionCookie {
    return this.#values.cookie;
  }

  regenerate(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return tell(this, values.owner.regenerate(values), callback);
  }

  save(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return tell(this, values.owner.save(values), callback);
  }

  reload(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return tell(this, values.owner.reload(values), callback);
  }

  destroy(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return tell(this, values.owner.destroy(values), callback);
  }

  touch(): this {
    return this.resetMaxAge();
  }

  resetMaxAge(): this {
    this[SELF].#values.cookie.reset();
    return this;
  }

  /** Shows the entries, never the id. */
  [inspect.custom](_depth: number, options: object): string {
    return `Session ${inspect(this[SELF].#values.toPlain(), options)}`;
  }

  /** Of a proxy's target. */
  static valuesOf(members: Members): SessionValues {
    return members.#values;
  }
}

/** Whoever gives no callback may ignore the promise as well: the response fails if the store does. */
function tell(self: object, work: Promise<void>, callback: Callback | undefined): unknown {
  if (typeof callback !== 'function') {
    work.catch(ignore);
    return work;
  }
  // Outside the promise: what a callback throws is not for a promise that nobody has.
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
  return self;
}

function ignore(): void {
  // Told by the response.
}

const MEMBERS = new Set(
  Object.getOwnPropertyNames(Members.prototype).filter((name) => name !== 'constructor'),
);

const RESERVED = new Set([...MEMBERS, ...Object.getOwnPropertyNames(Object.prototype)]);

/** Entries are its own properties, and the cookie is. */
const propertyAccess: ProxyHandler<Members> = {
  get(target, property) {
    const values = Members.valuesOf(target);
    if (typeof property === 'symbol') return Reflect.get(target, property, target) as unknown;
    if (!RESERVED.has(property) || values.has(property)) return values.get(property);
    return Reflect.get(target, property, target) as unknown;
  },
  set(target, property, value) {
    const values = Members.valuesOf(target);
    if (typeof property === 'symbol') return Reflect.set(target, property, value, target);
    if (property === 'id' || property === 'req') return false;
    if (property === 'cookie') values.cookie = value as RequestSessionCookie;
    else values.set(property, value);
    return true;
  },
  deleteProperty(target, property) {
    if (typeof property === 'symbol') return Reflect.deleteProperty(target, property);
    Members.valuesOf(target).delete(property);
    return true;
  },
  has(target, property) {
    return property in target || Members.valuesOf(target).has(String(property));
  },
  ownKeys(target) {
    return ['cookie', ...Members.valuesOf(target).keys()];
  },
  getOwnPropertyDescriptor(target, property) {
    const values = Members.valuesOf(target);
    if (typeof property === 'symbol') return undefined;
    if (property !== 'cookie' && !values.has(property)) return undefined;
    const value = property === 'cookie' ? values.cookie : values.get(property);
    return { value, writable: true, enumerable: true, configurable: true };
  },
  defineProperty(target, property, descriptor) {
    // Express-session's own and others define methods of their own here.
    if (typeof property === 'string') Members.valuesOf(target).set(property, valueOf(descriptor));
    return true;
  },
  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

function valueOf(descriptor: PropertyDescriptor): unknown {
  return descriptor.get ? (descriptor.get() as unknown) : descriptor.value;
}
