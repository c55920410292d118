import type { CurrentSession } from '../session/current-session.js';
import type { SessionError } from '../session/errors.js';
import type { SessionState } from '../session/session-state.js';

/** The session of a request, as far as it is read before its first use. */
interface LoadableSession {
  readonly current: CurrentSession;
  /** Called at the first use. */
  use(): CurrentSession;
}

interface FoundSession {
  readonly state: SessionState;
  /** The session replaces one that could not be read, and all changes throw this error. */
  readonly refusal?: () => SessionError;
}

/** A request's session that is read before its first use, so that the use needs no promise. */
export class PreloadedSession {
  private failure: { readonly error: unknown } | undefined;
  /** Replaces a session that could not be read. */
  private standIn: FoundSession | undefined;

  constructor(private readonly request: LoadableSession) {}

  /** Reads the session. Keeps an error for `found()`. */
  async load(): Promise<void> {
    try {
      await this.request.current.load({ onOutage: 'refuse' });
    } catch (error) {
      this.failure = { error };
    }
  }

  /** @throws SessionStoreError if the session could not be read, unless the module's `onOutage` allows that */
  found(): FoundSession {
    const current = this.request.use();
    if (current.found) return { state: current.found };
    const { error } = this.failure ?? { error: new Error('The session is not loaded yet.') };
    if (current.onOutage === 'refuse') throw error;
    return (this.standIn ??= current.standIn(error));
  }

  /** How long the cookie of the session is kept, in seconds; `false`: until the browser is closed. */
  setCookieLife(seconds: number | false): void {
    const { state, refusal } = this.found();
    if (refusal) throw refusal();
    this.request.current.setCookieLife(state, seconds);
  }
}
