import type { SessionState } from './session-state.js';
import { SessionDestroyedError, type SessionError } from './errors.js';
import type { KeepOptions, RememberOptions, Session } from './session.js';

/** What a session asks of the request it belongs to. */
export interface SessionLifecycle {
  save(): Promise<void>;
  regenerate(options?: KeepOptions): Promise<Session>;
  destroy(): Promise<void>;
  signIn(userId: string, options?: KeepOptions & RememberOptions): Promise<Session>;
  confirmSignIn(): Promise<Session>;
  setLifetime(seconds: unknown): void;
  setPersist(persist: unknown): void;
  signOut(options: KeepOptions): Promise<Session>;
  takeFlash(name: string): Promise<unknown>;
  reload(): Promise<void>;
}

/** The request, whose operations are those of its present session. */
export interface LifecycleOwner extends Omit<SessionLifecycle, 'setLifetime' | 'setPersist'> {
  /** The state of the present session. */
  readonly found: SessionState | undefined;
  setLifetime(state: SessionState, seconds: unknown): void;
  setPersist(state: SessionState, persist: unknown): void;
}

/** The lifecycle of one session of a request. When the request has gone on to another one, it rejects. */
export class OwnedLifecycle implements SessionLifecycle {
  constructor(
    private readonly owner: LifecycleOwner,
    private readonly state: SessionState,
  ) {}

  save(): Promise<void> {
    return this.ifPresent((owner) => owner.save());
  }

  regenerate(options?: KeepOptions): Promise<Session> {
    return this.ifPresent((owner) => owner.regenerate(options));
  }

  destroy(): Promise<void> {
    return this.state.status === 'destroyed' ? Promise.resolve() : this.owner.destroy();
  }

  signIn(userId: string, options?: KeepOptions & RememberOptions): Promise<Session> {
    return this.ifPresent((owner) => owner.signIn(userId, options));
  }

  confirmSignIn(): Promise<Session> {
    return this.ifPresent((owner) => owner.confirmSignIn());
  }

  setLifetime(seconds: unknown): void {
    this.owner.setLifetime(this.state, seconds);
  }

  setPersist(persist: unknown): void {
    this.owner.setPersist(this.state, persist);
  }

  signOut(options: KeepOptions): Promise<Session> {
    return this.ifPresent((owner) => owner.signOut(options));
  }

  takeFlash(name: string): Promise<unknown> {
    return this.ifPresent((owner) => owner.takeFlash(name));
  }

  reload(): Promise<void> {
    return this.ifPresent((owner) => owner.reload());
  }

  private ifPresent<T>(work: (owner: LifecycleOwner) => Promise<T>): Promise<T> {
    const { owner, state } = this;
    return state === owner.found ? work(owner) : Promise.reject(new SessionDestroyedError());
  }
}

/** The lifecycle of a read-only session: all that would change it rejects, or throws. */
export class ReadOnlyLifecycle implements SessionLifecycle {
  /** `owned`: the one of the session that is read, if it can be read again. */
  constructor(
    private readonly refusal: () => SessionError,
    private readonly owned?: SessionLifecycle,
  ) {}

  save(): Promise<never> {
    return this.refuse();
  }

  regenerate(): Promise<never> {
    return this.refuse();
  }

  destroy(): Promise<never> {
    return this.refuse();
  }

  signIn(): Promise<never> {
    return this.refuse();
  }

  confirmSignIn(): Promise<never> {
    return this.refuse();
  }

  setLifetime(): never {
    throw this.refusal();
  }

  setPersist(): never {
    throw this.refusal();
  }

  signOut(): Promise<never> {
    return this.refuse();
  }

  takeFlash(): Promise<never> {
    return this.refuse();
  }

  reload(): Promise<void> {
    return this.owned ? this.owned.reload() : this.refuse();
  }

  private refuse(): Promise<never> {
    return Promise.reject(this.refusal());
  }
}
