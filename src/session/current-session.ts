import type { OutagePolicy, PeekOptions, SessionAccess } from './access.js';
import { OwnedLifecycle, ReadOnlyLifecycle, type LifecycleOwner } from './session-lifecycle.js';
import { createReadOnlySession, createSession } from './session-proxy.js';
import { ForeignStoreError } from './foreign-session.js';
import type { SessionRepository } from './repository.js';
import type { SessionIdentity } from './telemetry.js';
import type { SessionState } from './session-state.js';
import { OperationQueue } from './operation-queue.js';
import type { IdUpdate, IncomingSession, SessionTransport } from './transport.js';
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
export class CurrentSession implements LifecycleOwner {
  /** What the request brought. Present from the first use. */
  private incoming: IncomingSession | undefined;
  private loading: Promise<Session> | undefined;
  /** Whether it was read without a renewal, and not used yet. */
  private isUntouched = false;
  /** The later renewal. */
  private renewal: Promise<void> | undefined;
  private state: SessionState | undefined;
  private isOver = false;
  /** Whether this request gave the session a new id, so that the client's old id is invalid. */
  private hasNewId = false;
  /** The error after which nothing more of this request is stored. */
  private failure: { readonly error: unknown } | undefined;
  private readonly queue = new OperationQueue();

  constructor(
    private readonly repository: SessionRepository,
    private readonly transport: SessionTransport,
    readonly onOutage: OutagePolicy = 'refuse',
  ) {}

  /** The request's session, read once. After a store error the same request does not read again. */
  load(access: SessionAccess = {}): Promise<Session> {
    const { readOnly = false, onOutage = this.onOutage, touch = true } = access;
    const loading = this.find(touch);
    const session = readOnly ? loading.then(() => this.readOnlySession()) : loading;
    return onOutage === 'refuse' ? session : session.catch((error) => this.anonymous(error));
  }

  /** The state of the session, if it is loaded. */
  get found(): SessionState | undefined {
    return this.state;
  }

  /**
   * An anonymous session that is never stored, in place of one that could not be read. All its changes throw
   * `refusal()`.
   *
   * @throws the error, unless it is of the store
   */
  standIn(error: unknown): { readonly state: SessionState; readonly refusal: () => SessionError } {
    if (!(error instanceof SessionStoreError)) throw error;
    const { cause } = error;
    return { state: this.repository.begin(), refusal: () => new SessionStoreError({ cause }) };
  }

  /** How long the cookie of this session is kept, in seconds; `false`: until the browser is closed. */
  setCookieLife(state: SessionState, seconds: number | false): void {
    this.repository.setCookieLife(state, seconds);
  }

  /** @throws SessionValueError */
  setLifetime(state: SessionState, seconds: unknown): void {
    this.repository.setLifetime(state, seconds);
  }

  /** @throws SessionValueError */
  setPersist(state: SessionState, persist: unknown): void {
    this.repository.setPersist(state, persist);
  }

  /** The request's session, if it is stored or was begun by this request. */
  async peek({ touch }: PeekOptions = {}): Promise<Session | undefined> {
    const session = await this.load({ onOutage: 'refuse', touch });
    return this.state!.status !== 'new' || !this.state!.entries.isEmpty ? session : undefined;
  }

  /** Destroys the present session and begins a new one. */
  create(): Promise<Session> {
    return this.queue.run(async () => {
      const state = await this.loadState();
      this.requireOpen('create');
      await this.end(state);
      return this.begin();
    });
  }

  regenerate(options?: KeepOptions): Promise<Session> {
    return this.queue.run(async () => {
      const state = await this.loadState();
      this.requireOpen('regenerate');
      await this.orFail(this.repository.regenerate(state, options?.keep));
      this.hasNewId = true;
      return this.load({ onOutage: 'refuse' });
    });
  }

  /** The user has proved once more who he is. */
  confirmSignIn(): Promise<Session> {
    return this.queue.run(async () => {
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
    return this.queue.run(async () => {
      const state = await this.loadState();
      this.requireOpen('signIn');
      const client = this.incoming?.client?.() ?? {};
      const next = await this.orFail(
        this.repository.signIn(state, { userId, keep, remember, client }),
      );
      this.hasNewId = true;
      return next === state ? this.load({ onOutage: 'refuse' }) : this.take(next);
    });
  }

  /** Signs out, and continues anonymously with the entries to keep. */
  signOut({ keep = false }: KeepOptions): Promise<Session> {
    return this.queue.run(async () => {
      const state = await this.loadState();
      this.requireOpen('signOut');
      state.keepSecret();
      const next = await this.orFail(this.repository.signOut(state, keep));
      this.isOver = true;
      return this.take(next);
    });
  }

  destroy(): Promise<void> {
    return this.queue.run(async () => {
      await this.end(await this.loadState());
      this.begin();
    });
  }

  save(): Promise<void> {
    return this.queue.run(async () => {
      this.throwFailure();
      const state = await this.loadState();
      if (state.status === 'new' && this.repository.hasChanges(state)) this.requireOpen('save');
      await this.store(state);
      if (state.status === 'gone') throw new SessionDestroyedError();
    });
  }

  /** Reads what others have stored since. */
  reload(): Promise<void> {
    return this.queue.run(async () => {
      this.throwFailure();
      await this.repository.reload(await this.loadState());
    });
  }

  /** Reads and removes a flash message. Of parallel requests, the one whose removal is stored gets it. */
  takeFlash(name: string): Promise<unknown> {
    return this.queue.run(async () => {
      this.throwFailure();
      const state = await this.loadState();
      const taken = state.entries.takeFlash(name);
      // No other request can have read a message that is not stored yet.
      if (taken && state.status !== 'new') await this.store(state);
      return state.status === 'gone' ? undefined : taken?.value;
    });
  }

  /**
   * Stores the changes. `undefined`: there are none, and no operation is in progress. `withResponse`: the
   * response is about to be sent, and can have a new id if a rotation is due.
   */
  commit(withResponse = false): Promise<void> | undefined {
    if (this.queue.isIdle && !this.failure && !this.hasChanges(withResponse)) return undefined;
    return this.commitInTurn(withResponse && this.transport.isOpen);
  }

  private commitInTurn(mayRotate: boolean): Promise<void> {
    return this.queue.run(async () => {
      this.throwFailure();
      if (this.state) await this.store(this.state, mayRotate);
    });
  }

  /**
   * There is no later commit: from now on each change is stored at the end of its turn of the event loop,
   * except for objects that are changed in place.
   */
  commitLateChanges(onError: (error: unknown) => void): void {
    const { state } = this;
    if (state?.status !== 'stored') return;
    let isPlanned = false;
    // V8 allocates a function literal on the right of `object.property =` in the old generation, where it
    // would keep its whole request alive until the next full garbage collection.
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

  /**
   * Whether a commit would write, or fail because an object was changed to a value that JSON does not
   * keep.
   */
  hasChanges(withResponse = false): boolean {
    try {
      return this.state !== undefined && this.repository.hasChanges(this.state, withResponse);
    } catch {
      return true;
    }
  }

  /** Whether the session was looked up. */
  get isLoaded(): boolean {
    return this.state !== undefined;
  }

  /** Whether the session is stored, so that it can be changed after its response has begun. */
  get isStored(): boolean {
    return this.state?.status === 'stored';
  }

  /** For events; empty before the session is found. */
  get identity(): Partial<SessionIdentity> {
    return this.state?.identity ?? {};
  }

  /** Whether others ended the session while it was used. Its changes were dropped then. */
  get isGone(): boolean {
    return this.state?.status === 'gone';
  }

  /** What the response must send to the client, after everything is stored. */
  get idUpdate(): IdUpdate | undefined {
    const { state } = this;
    if (state?.status === 'stored' && state.cookieDirty && state.isConfirmed) return state.ticket;
    return this.isOver ? 'over' : undefined;
  }

  /** Seconds for which the client is to keep it; `false`: until the browser is closed. */
  get cookieLife(): number | false {
    return this.state?.cookieLife ?? false;
  }

  /** The response with the new id has gone out. */
  idSent(): void {
    if (this.state) this.repository.deliveries.sent(this.state);
  }

  /** The new id cannot be sent: no client has the session, so it is ended. */
  withdraw(): Promise<void> {
    return this.queue.run(async () => {
      const { state } = this;
      if (!this.hasNewId || !state?.user || state.status !== 'stored' || !state.cookieDirty) return;
      await this.repository.withdraw(state);
    });
  }

  private readOnlySession(): Session {
    const state = this.state!;
    const refusal = () => new SessionReadOnlyError();
    const lifecycle = new ReadOnlyLifecycle(refusal, new OwnedLifecycle(this, state));
    return createReadOnlySession(state, refusal, lifecycle);
  }

  private anonymous(error: unknown): Session {
    const { state, refusal } = this.standIn(error);
    return createReadOnlySession(state, refusal);
  }

  /** Reads the session once. A use after a read without a renewal renews it. */
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
    const { ticket } = (this.incoming = this.transport.receive());
    const found = ticket && (await this.repository.find(ticket, touch));
    if (ticket && !found) this.transport.onUnknownId?.();
    const session = found ?? (await this.carryOver(this.incoming));
    return this.take(session ?? this.repository.begin());
  }

  private async carryOver(incoming: IncomingSession): Promise<SessionState | undefined> {
    const foreign = incoming.foreign?.();
    if (!foreign || incoming.isOutside) return undefined;
    const carryOver = this.repository.carryOver(foreign, incoming.client?.() ?? {});
    const refusal = await carryOver.catch((error: unknown) => {
      if (error instanceof ForeignStoreError) this.transport.onNotAdopted?.(error);
      throw error;
    });
    if (!refusal) return this.repository.findAdopted(foreign.ticket);
    this.transport.onNotAdopted?.(refusal);
    return undefined;
  }

  /** Continues with this session. */
  protected take(state: SessionState): Session {
    const lifecycle = new OwnedLifecycle(this, state);
    const { isOneWay } = this.transport;
    if (isOneWay) state.withoutCookie();
    const session =
      isOneWay && state.status === 'new'
        ? createReadOnlySession(state, () => noResponse('write'), lifecycle)
        : createSession(state, lifecycle);
    this.state = state;
    this.loading = Promise.resolve(session);
    return session;
  }

  /** Does not renew a session that was already read. */
  private async loadState(): Promise<SessionState> {
    await this.load({ onOutage: 'refuse', touch: !this.loading });
    return this.state!;
  }

  private begin(): Session {
    return this.take(this.repository.begin());
  }

  private async end(state: SessionState): Promise<void> {
    // Even if this fails, the id of a session that should end is not sent.
    state.keepSecret();
    await this.orFail(this.repository.destroy(state));
    this.isOver = true;
  }

  /**
   * A failed sign-in or sign-out must not appear as done: if it fails, the response fails, too, and nothing is
   * stored under the old id. A refused sign-in has changed nothing.
   */
  private async orFail<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof SessionLimitError)) this.failure = { error };
      throw error;
    }
  }

  /** A commit is not repeated after a store error: if only the answer was lost, it would be applied twice. */
  private async store(state: SessionState, mayRotate = false): Promise<void> {
    try {
      await this.repository.commit(state, mayRotate);
    } catch (error) {
      if (error instanceof SessionStoreError) this.failure = { error };
      throw error;
    }
  }

  private throwFailure(): void {
    if (this.failure) throw this.failure.error;
  }

  private requireOpen(operation: string): void {
    if (this.incoming?.isOutside && this.state?.status === 'new') throw outsidePath(operation);
    if (this.transport.isOpen) return;
    if (this.transport.isOneWay) throw noResponse(operation);
    throw new SessionError(
      'SESSION_RESPONSE_BEGUN',
      `${operation}: the response has begun, or its client has gone, so no client can be given a ` +
        'session id. Do it before the first byte.',
    );
  }
}
