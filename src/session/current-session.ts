import type { OutagePolicy, PeekOptions, SessionAccess } from './access.js';
import type { SessionLifecycle } from './session-object.js';
import { createReadOnlySession, createSession, refusingLifecycle } from './session-proxy.js';
import type { SessionRepository } from './repository.js';
import type { SessionIdentity } from './telemetry.js';
import type { SessionState } from './session-state.js';
import type { IdUpdate, SessionTransport } from './transport.js';
import { checkUserId } from './session-user.js';
import {
  nobody,
  noResponse,
  outsidePath,
  SessionDestroyedError,
  SessionError,
  SessionLimitError,
  SessionReadOnlyError,
  SessionStoreError,
} from './errors.js';
import type { KeepOptions, RememberOptions, Session } from './session.js';

/** One request's session, from the first use to the commit; knows no transport and no framework. */
export class CurrentSession {
  private loading: Promise<Session> | undefined;
  /** Whether nobody has used it yet: it was read without being renewed. */
  private isUntouched = false;
  /** Its renewal after that. */
  private renewal: Promise<void> | undefined;
  private inUse = false;
  private state: SessionState | undefined;
  private isOver = false;
  /** Whether this request gave the session a new id, so that the old one leads nowhere. */
  private hasNewId = false;
  /** Why nothing more of this request is stored. */
  private failure: { readonly error: unknown } | undefined;
  /** Why `preload` found none. */
  private notFound: { readonly error: unknown } | undefined;
  /** In place of one that could not be read. */
  private placeholder: SessionState | undefined;
  /** The last of the operations that have to follow each other. */
  private turn: Promise<void> | undefined;

  constructor(
    private readonly repository: SessionRepository,
    private readonly transport: SessionTransport,
    private readonly onOutage: OutagePolicy = 'refuse',
  ) {}

  /** The request's session, found once; a store that fails is not asked again by the same request. */
  load(access: SessionAccess = {}): Promise<Session> {
    const { readOnly = false, onOutage = this.onOutage, touch = true } = access;
    if (readOnly) this.transport.onRead();
    else this.use();
    const loading = this.find(touch);
    const session = readOnly ? loading.then(() => this.readOnlySession()) : loading;
    return onOutage === 'refuse' ? session : session.catch((error) => this.anonymous(error));
  }

  /** Finds the session for who may use it later, by `found`. What fails is told to them. */
  async preload(): Promise<void> {
    try {
      await this.find(true);
    } catch (error) {
      this.notFound = { error };
    }
  }

  /**
   * What `preload` has found, to be used from now on. `refusal`: nobody's, in place of one that could not
   * be read; it cannot be changed.
   *
   * @throws SessionStoreError if it could not be read
   */
  found(): { readonly state: SessionState; readonly refusal?: () => SessionError } {
    this.use();
    if (this.state) return { state: this.state };
    const { error } = this.notFound ?? { error: new Error('The session is not loaded yet.') };
    if (this.onOutage === 'refuse' || !(error instanceof SessionStoreError)) throw error;
    this.placeholder ??= this.repository.begin();
    return {
      state: this.placeholder,
      refusal: () => new SessionStoreError({ cause: error.cause }),
    };
  }

  /** The request's session, if it has one: in the store, or begun by this request. */
  async peek({ touch }: PeekOptions = {}): Promise<Session | undefined> {
    const session = await this.load({ onOutage: 'refuse', touch });
    return this.state!.status !== 'new' || !this.state!.entries.isEmpty ? session : undefined;
  }

  /** A new session in place of the present one, which is destroyed. */
  create(): Promise<Session> {
    return this.inTurn(async () => {
      const state = await this.loadState();
      this.requireOpen('create');
      await this.end(state);
      return this.begin();
    });
  }

  regenerate(options?: KeepOptions): Promise<Session> {
    return this.inTurn(async () => {
      const state = await this.loadState();
      this.requireOpen('regenerate');
      await this.orFail(this.repository.regenerate(state, options?.keep));
      this.hasNewId = true;
      return this.load({ onOutage: 'refuse' });
    });
  }

  /** The user has proved once more who he is. */
  confirmSignIn(): Promise<Session> {
    return this.inTurn(async () => {
      const state = await this.loadState();
      this.requireOpen('confirmSignIn');
      if (state.status === 'gone') throw new SessionDestroyedError();
      if (!state.user) throw nobody('confirmSignIn');
      await this.orFail(this.repository.confirmSignIn(state));
      this.hasNewId = true;
      return this.load({ onOutage: 'refuse' });
    });
  }

  async signIn(
    userId: string,
    { keep, remember }: KeepOptions & RememberOptions = {},
  ): Promise<Session> {
    checkUserId(userId);
    this.repository.checkRemember(remember);
    return this.inTurn(async () => {
      const state = await this.loadState();
      this.requireOpen('signIn');
      const client = this.transport.client?.() ?? {};
      const next = await this.orFail(
        this.repository.signIn(state, { userId, keep, remember, client }),
      );
      this.hasNewId = true;
      return next === state ? this.load({ onOutage: 'refuse' }) : this.take(next);
    });
  }

  /** Signs out, and goes on as nobody with what is to be kept. */
  signOut({ keep = false }: KeepOptions): Promise<Session> {
    return this.inTurn(async () => {
      const state = await this.loadState();
      this.requireOpen('signOut');
      state.keepSecret();
      const next = await this.orFail(this.repository.signOut(state, keep));
      this.isOver = true;
      return this.take(next);
    });
  }

  destroy(): Promise<void> {
    return this.inTurn(async () => {
      await this.end(await this.loadState());
      this.begin();
    });
  }

  save(): Promise<void> {
    return this.inTurn(async () => {
      this.throwFailure();
      const state = await this.loadState();
      if (state.status === 'new' && this.repository.hasChanges(state)) this.requireOpen('save');
      await this.store(state);
      if (state.status === 'gone') throw new SessionDestroyedError();
    });
  }

  /** What others have stored since. */
  reload(): Promise<void> {
    return this.inTurn(async () => {
      this.throwFailure();
      await this.repository.reload(await this.loadState());
    });
  }

  /** A message that was left for this request or one beside it: the store tells who has it. */
  takeFlash(name: string): Promise<unknown> {
    return this.inTurn(async () => {
      this.throwFailure();
      const state = await this.loadState();
      const taken = state.entries.takeFlash(name);
      // What is not in the store yet no other request can have read.
      if (taken && state.status !== 'new') await this.store(state);
      return state.status === 'gone' ? undefined : taken?.value;
    });
  }

  /**
   * Stores what has changed. `undefined`: nothing has, and nothing is under way, so that there is
   * nothing to wait for. `withResponse`: it can carry a new id, if it is time for one.
   */
  commit(withResponse = false): Promise<void> | undefined {
    if (!this.turn && !this.failure && !this.hasChanges(withResponse)) return undefined;
    return this.inTurn(async () => {
      this.throwFailure();
      if (this.state) await this.store(this.state, withResponse);
    });
  }

  /**
   * Nobody commits any more: what is changed from now on is stored at the end of that turn, but for
   * objects that are changed in place.
   */
  commitLateChanges(onError: (error: unknown) => void): void {
    const { state } = this;
    if (state?.status !== 'stored') return;
    let isPlanned = false;
    // V8 allocates a function that is written behind `object.property =` among the old objects, where it
    // would keep all that its request holds until the next full garbage collection.
    const onChange = () => {
      if (isPlanned) return;
      isPlanned = true;
      setImmediate(() => {
        isPlanned = false;
        this.commit()?.catch(onError);
      });
    };
    state.entries.onChange = onChange;
  }

  /** Whether a commit would write, or fail as an object was changed into what cannot be stored. */
  hasChanges(withResponse = false): boolean {
    try {
      return this.state !== undefined && this.repository.hasChanges(this.state, withResponse);
    } catch {
      return true;
    }
  }

  /** Whether it is known by now whether there is a session. */
  get isLoaded(): boolean {
    return this.state !== undefined;
  }

  /** Whether this session is in the store, so that it can take changes after its response began. */
  get isStored(): boolean {
    return this.state?.status === 'stored';
  }

  /** For events; empty before the session is found. */
  get identity(): Partial<SessionIdentity> {
    return this.state?.identity ?? {};
  }

  /** Whether the session ended while it was used, by whatever others did: its changes were dropped. */
  get isGone(): boolean {
    return this.state?.status === 'gone';
  }

  /** What to tell the client, once all is stored. */
  get idUpdate(): IdUpdate | undefined {
    const { state } = this;
    if (state?.status === 'stored' && state.cookieDirty && state.isConfirmed) return state.ticket;
    return this.isOver ? 'over' : undefined;
  }

  /** Seconds for which the client is to keep it; `false`: until the browser is closed. */
  get cookieLife(): number | false {
    return this.state?.cookieLife ?? false;
  }

  /** Its user cannot be told the new id: nobody has the session, so it must not count as one. */
  withdraw(): Promise<void> {
    return this.inTurn(async () => {
      const { state } = this;
      if (!this.hasNewId || !state?.user || state.status !== 'stored' || !state.cookieDirty) return;
      await this.repository.withdraw(state);
    });
  }

  private use(): void {
    if (this.inUse) return;
    this.inUse = true;
    this.transport.onUse();
  }

  private readOnlySession(): Session {
    const state = this.state!;
    const refusal = () => new SessionReadOnlyError();
    const reload = () => this.ifCurrent(state, () => this.reload());
    return createReadOnlySession(state, refusal, { ...refusingLifecycle(refusal), reload });
  }

  /** In place of a session that cannot be read: nobody's, and never stored. */
  private anonymous(error: unknown): Session {
    if (!(error instanceof SessionStoreError)) throw error;
    const refusal = () => new SessionStoreError({ cause: error.cause });
    return createReadOnlySession(this.repository.begin(), refusal);
  }

  /** Once; who uses it after one who has not renews it. */
  private find(touch: boolean): Promise<Session> {
    if (!this.loading) {
      this.isUntouched = !touch;
      return (this.loading = this.ask(touch));
    }
    if (!touch) return this.loading;
    if (this.isUntouched) {
      this.isUntouched = false;
      this.renewal = this.loading.then(() => this.repository.renew(this.state!));
    }
    return this.renewal ? this.renewal.then(() => this.loading!) : this.loading;
  }

  private async ask(touch: boolean): Promise<Session> {
    const ticket = this.transport.presentedTicket();
    const found = ticket && (await this.repository.find(ticket, touch));
    if (ticket && !found) this.transport.onUnknownId?.();
    return this.take(found ?? this.repository.begin());
  }

  private take(state: SessionState): Session {
    const lifecycle: SessionLifecycle = {
      save: () => this.ifCurrent(state, () => this.save()),
      regenerate: (options) => this.ifCurrent(state, () => this.regenerate(options)),
      signIn: (userId, options) => this.ifCurrent(state, () => this.signIn(userId, options)),
      takeFlash: (name) => this.ifCurrent(state, () => this.takeFlash(name)),
      confirmSignIn: () => this.ifCurrent(state, () => this.confirmSignIn()),
      setLifetime: (seconds) => this.repository.setLifetime(state, seconds),
      setPersist: (persist) => this.repository.setPersist(state, persist),
      reload: () => this.ifCurrent(state, () => this.reload()),
      signOut: (options) => this.ifCurrent(state, () => this.signOut(options)),
      destroy: () => (state.status === 'destroyed' ? Promise.resolve() : this.destroy()),
    };
    const { isMute } = this.transport;
    if (isMute) state.withoutCookie();
    const session =
      isMute && state.status === 'new'
        ? createReadOnlySession(state, () => noResponse('write'), lifecycle)
        : createSession(state, lifecycle);
    this.state = state;
    this.loading = Promise.resolve(session);
    return session;
  }

  /** What has been read already is not renewed for this alone. */
  private async loadState(): Promise<SessionState> {
    await this.load({ onOutage: 'refuse', touch: !this.loading });
    return this.state!;
  }

  private begin(): Session {
    return this.take(this.repository.begin());
  }

  private async end(state: SessionState): Promise<void> {
    // Nobody is given what was to end, even if that fails.
    state.keepSecret();
    await this.orFail(this.repository.destroy(state));
    this.isOver = true;
  }

  /**
   * What was asked for a reason, such as a sign-in or a sign-out, must not seem done: if it fails, so
   * does the response, and nothing is stored under the id that was to be left. A sign-in that is
   * refused has done nothing.
   */
  private async orFail<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof SessionLimitError)) this.failure = { error };
      throw error;
    }
  }

  /** Whether the store did it when its answer was lost is not known: done again, it might count twice. */
  private async store(state: SessionState, withResponse = false): Promise<void> {
    try {
      await this.repository.commit(state, withResponse);
    } catch (error) {
      if (error instanceof SessionStoreError) this.failure = { error };
      throw error;
    }
  }

  private throwFailure(): void {
    if (this.failure) throw this.failure.error;
  }

  private ifCurrent<T>(state: SessionState, work: () => Promise<T>): Promise<T> {
    return state === this.state ? work() : Promise.reject(new SessionDestroyedError());
  }

  private requireOpen(operation: string): void {
    if (this.transport.isOutside && this.state?.status === 'new') throw outsidePath(operation);
    if (this.transport.isOpen) return;
    if (this.transport.isMute) throw noResponse(operation);
    throw new SessionError(
      'SESSION_RESPONSE_BEGUN',
      `${operation}: the response has begun, or its client has gone, so no client can be given a ` +
        'session id. Do it before the first byte.',
    );
  }

  /** One after the other: a save and a new id at once would race with each other. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.turn ? this.turn.then(work) : work();
    const turn: Promise<void> = run.then(
      () => this.endTurn(turn),
      () => this.endTurn(turn),
    );
    this.turn = turn;
    return run;
  }

  private endTurn(turn: Promise<void>): void {
    if (this.turn === turn) this.turn = undefined;
  }
}
