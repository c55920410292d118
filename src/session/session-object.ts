import { inspect } from 'node:util';

import type { SessionLifecycle } from './session-lifecycle.js';
import type { SessionState } from './session-state.js';
import type { SessionUser } from './session-user.js';
import { SessionDestroyedError, SessionError, SessionValueError } from './errors.js';
import type { KeepOptions, RememberOptions, Session } from './session.js';

const SELF = Symbol('session');

/**
 * The members of a session. They are called on the proxy, whose `SELF` is the object behind it, so
 * that a method can return `this` and needs no binding.
 */
export class SessionObject {
  readonly #state: SessionState;
  readonly #lifecycle: SessionLifecycle;

  readonly #refusal: (() => SessionError) | undefined;

  constructor(state: SessionState, lifecycle: SessionLifecycle, refusal?: () => SessionError) {
    this.#state = state;
    this.#lifecycle = lifecycle;
    this.#refusal = refusal;
  }

  get [SELF](): this {
    return this;
  }

  get id(): string {
    return this.#state.id;
  }

  get isNew(): boolean {
    return this.#state.isNew;
  }

  get userId(): string | undefined {
    return this.#state.user?.id;
  }

  get createdAt(): Date {
    return new Date(this.#state.createdAt);
  }

  get expiresAt(): Date {
    return new Date(this.#state.expiresAt);
  }

  get signedInAt(): Date | undefined {
    const { user, signedInAt, createdAt } = this.#state;
    // One that was signed in by an earlier release: at some time since it began.
    return user && new Date(signedInAt ?? createdAt);
  }

  get lifetime(): number {
    return this.#state.idle;
  }

  set lifetime(seconds: number) {
    this.#changeable.setLifetime(seconds);
  }

  get persist(): boolean {
    return this.#state.cookieLife !== false;
  }

  set persist(persist: boolean) {
    this.#changeable.setPersist(persist);
  }

  get size(): number {
    return this.#state.entries.size;
  }

  get(key: string): unknown {
    return this[SELF].#read(key);
  }

  set(key: string, value: unknown): this {
    this[SELF].#writable.set(key, value);
    return this;
  }

  has(key: string): boolean {
    return this[SELF].#state.entries.has(key);
  }

  delete(key: string): boolean {
    return this[SELF].#writable.delete(key);
  }

  clear(): void {
    this[SELF].#writable.clear();
  }

  pull(key: string): unknown {
    const entries = this[SELF].#writable;
    const value = entries.get(key);
    entries.delete(key);
    return value;
  }

  update(key: string, update: (old: unknown) => unknown): this {
    this[SELF].#writable.update(key, update);
    return this;
  }

  increment(key: string, by = 1): number {
    return this[SELF].#writable.increment(key, by);
  }

  flash(name: string, value: unknown): this;
  flash<T>(name: string): Promise<T | undefined>;
  flash(name: string, ...values: unknown[]): unknown {
    if (values.length === 0) return this[SELF].#lifecycle.takeFlash(name);
    this[SELF].#writable.setFlash(name, values[0]);
    return this;
  }

  *keys(): IterableIterator<string> {
    yield* this[SELF].#state.entries.keys();
  }

  *values(): IterableIterator<unknown> {
    const self = this[SELF];
    for (const key of self.keys()) yield self.#read(key);
  }

  *entries(): IterableIterator<[string, unknown]> {
    const self = this[SELF];
    for (const key of self.keys()) yield [key, self.#read(key)];
  }

  [Symbol.iterator](): IterableIterator<[string, unknown]> {
    return this.entries();
  }

  toJSON(): Record<string, unknown> {
    return Object.fromEntries(this.entries());
  }

  save(...none: unknown[]): Promise<void> {
    refuseCallback('save', none);
    return this[SELF].#lifecycle.save();
  }

  regenerate(options?: KeepOptions): Promise<Session> {
    refuseCallback('regenerate', [options]);
    return this[SELF].#lifecycle.regenerate(options);
  }

  destroy(...none: unknown[]): Promise<void> {
    refuseCallback('destroy', none);
    return this[SELF].#lifecycle.destroy();
  }

  signIn(userId: string, options?: KeepOptions & RememberOptions): Promise<Session> {
    return this[SELF].#lifecycle.signIn(userId, options);
  }

  confirmSignIn(...none: unknown[]): Promise<Session> {
    refuseCallback('confirmSignIn', none);
    return this[SELF].#lifecycle.confirmSignIn();
  }

  signOut(options?: KeepOptions): Promise<Session | void> {
    refuseCallback('signOut', [options]);
    const lifecycle = this[SELF].#lifecycle;
    return options ? lifecycle.signOut(options) : lifecycle.destroy();
  }

  reload(...none: unknown[]): Promise<void> {
    refuseCallback('reload', none);
    return this[SELF].#lifecycle.reload();
  }

  get [Symbol.toStringTag](): string {
    return 'Session';
  }

  /** `console.log(session)` shows the entries, never the id. */
  [inspect.custom](_depth: number, options: object): string {
    return `Session ${inspect(this.toJSON(), options)}`;
  }

  /** @throws SessionValueError unless it is a session */
  static userOf(argument: string, session: unknown): SessionUser | undefined {
    const isObject = typeof session === 'object' && session !== null;
    const self = isObject && (session as { [SELF]?: unknown })[SELF];
    if (self instanceof SessionObject) return self.#state.user;
    throw new SessionValueError(argument, 'pass the session itself, as @Session() provides it');
  }

  #read(key: string): unknown {
    const { entries } = this.#state;
    return this.#refusal ? entries.read(key) : entries.get(key);
  }

  get #writable(): SessionState['entries'] {
    void this.#changeable;
    return this.#state.entries;
  }

  get #changeable(): SessionLifecycle {
    if (this.#refusal) throw this.#refusal();
    if (this.#state.status === 'destroyed') throw new SessionDestroyedError();
    return this.#lifecycle;
  }
}

/** As of express-session: it would never be called, and its request hang. */
function refuseCallback(method: string, args: readonly unknown[]): void {
  if (args.some((argument) => typeof argument === 'function')) {
    throw new SessionError(
      'SESSION_CALLBACK',
      `${method}() takes no callback: it returns a promise. Write \`await session.${method}()\`.`,
    );
  }
}

/** The user who is signed in with a session that the application has. */
export function userOfSession(argument: string, session: unknown): SessionUser | undefined {
  return SessionObject.userOf(argument, session);
}

/** The names of its members. */
export const MEMBERS = new Set(
  Object.getOwnPropertyNames(SessionObject.prototype).filter((name) => name !== 'constructor'),
);
