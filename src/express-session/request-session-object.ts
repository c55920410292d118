import { inspect } from 'node:util';

import type { SessionError } from '../session/errors.js';
import { checkKey, toLooseJson } from '../session/entry-value.js';
import type { SessionState } from '../session/session-state.js';
import type { CookieLife, RequestSessionCookie } from './request-session-cookie.js';
import type { Callback, RequestSessionObject } from './request-session-types.js';

/** The operations of a request that `request.session` uses. */
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

/** The values of `request.session`: the session's entries, until the session gets another id. */
export class SessionValues implements CookieLife {
  /** Values that are not stored because JSON omits them. After `detach()`, all values. */
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

  /** Whether these are only the last values of an earlier session. */
  get isOld(): boolean {
    return this.isDetached;
  }

  get cookie(): RequestSessionCookie {
    return (this.ownCookie ??= this.owner.newCookie(this));
  }

  /** Passport assigns the cookie of the previous session. */
  set cookie(cookie: RequestSessionCookie) {
    this.cookie.assign(cookie);
  }

  get seconds(): number | false {
    return this.state.cookieLife;
  }

  setSeconds(seconds: number | false): void {
    if (!this.isDetached) this.owner.setCookieLife(seconds);
  }

  /** Keeps a copy of the values, separate from the session: passport copies them into the next session. */
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
    if (!RESERVED.has(key) || key === '__proto__') checkKey(key);
    if (!this.mayBeStored(key)) {
      this.local.set(key, value);
      return;
    }
    if (this.refusal) throw this.refusal();
    this.state.entries.set(key, value, toLooseJson);
    // Values that JSON omits, such as functions, last as long as the request.
    if (this.state.entries.has(key)) this.local.delete(key);
    else this.local.set(key, value);
  }

  delete(key: string): void {
    if (this.refusal) throw this.refusal();
    this.local.delete(key);
    if (!this.isDetached) this.state.entries.delete(key);
  }

  /** Returns a plain object, with the cookie first. */
  toPlain(): Record<string, unknown> {
    const entries = [...this.keys()].map((key): [string, unknown] => [key, this.get(key)]);
    return { cookie: this.cookie, ...Object.fromEntries(entries) };
  }

  /** The names of its properties, in the order of those of every object: numbers come first. */
  names(): string[] {
    const entries = [...this.keys()].map((key): [string, true] => [key, true]);
    return Object.keys({ cookie: true, ...Object.fromEntries(entries) });
  }

  /** As in express-session, names of members of objects and of the session cannot be entries. */
  private mayBeStored(key: string): boolean {
    return !this.isDetached && !RESERVED.has(key);
  }
}

/** The members of `request.session`. `this` is the proxy, and its `SELF` is the target. */
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
    return settle(this, values.owner.regenerate(values), callback);
  }

  save(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return settle(this, values.owner.save(values), callback);
  }

  reload(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return settle(this, values.owner.reload(values), callback);
  }

  destroy(callback?: Callback): unknown {
    const values = this[SELF].#values;
    return settle(this, values.owner.destroy(values), callback);
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

  /** Returns the values of a proxy's target. */
  static valuesOf(members: Members): SessionValues {
    return members.#values;
  }
}

// One prototype serves all requests: `session['__proto__'].x = …` must not reach others.
Object.freeze(Members);
Object.freeze(Members.prototype);

/** Calls the callback, or returns the promise. It can be ignored: the response fails if the store fails. */
function settle(self: object, work: Promise<void>, callback: Callback | undefined): unknown {
  if (typeof callback !== 'function') {
    work.catch(ignore);
    return work;
  }
  // `nextTick`: an error that the callback throws must not reject an unused promise.
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  );
  return self;
}

function ignore(): void {
  // The response reports the error.
}

const MEMBERS = new Set(
  Object.getOwnPropertyNames(Members.prototype).filter((name) => name !== 'constructor'),
);

const RESERVED = new Set([...MEMBERS, ...Object.getOwnPropertyNames(Object.prototype)]);

/** The entries and the cookie are own properties. */
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
    return Members.valuesOf(target).names();
  },
  getOwnPropertyDescriptor(target, property) {
    const values = Members.valuesOf(target);
    if (typeof property === 'symbol') return undefined;
    if (property !== 'cookie' && !values.has(property)) return undefined;
    const value = property === 'cookie' ? values.cookie : values.get(property);
    return { value, writable: true, enumerable: true, configurable: true };
  },
  defineProperty(target, property, descriptor) {
    // express-session and other libraries define methods this way.
    if (typeof property === 'string') Members.valuesOf(target).set(property, valueOf(descriptor));
    return true;
  },
  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

function valueOf(descriptor: PropertyDescriptor): unknown {
  return descriptor.get ? (descriptor.get() as unknown) : descriptor.value;
}
