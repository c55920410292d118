import { PreloadedSession } from '../http/preloaded-session.js';
import type { FrameworkRequest } from '../http/request-session.js';
import { requestSessionOf, sessionOf } from '../http/session-of.js';
import { SessionStoreError } from '../session/errors.js';
import type { Session } from '../session/session.js';

/** The entry in which passport stores its user, as with other session libraries. */
const ENTRY = 'passport';

type Done = (error?: Error | null, result?: unknown) => void;

/** The part of passport's `Authenticator` that is used. `_sm` is its session manager. */
export interface Authenticator {
  _sm?: unknown;
  use(strategy: object): unknown;
  authenticate(name: string): (request: object, response: object, next: Done) => void;
  serializeUser(user: unknown, request: object, done: Done): void;
  deserializeUser(stored: unknown, request: object, done: Done): void;
}

/** The options of `logIn()` and `logOut()`. */
interface LogInOptions {
  readonly keepSessionInfo?: boolean;
}

interface UserCarrier extends FrameworkRequest {
  _userProperty?: string;
  [property: string]: unknown;
  [RESTORED]?: Promise<void>;
}

/** The methods that passport adds to a strategy for one request. */
interface StrategyActions {
  pass(): void;
  error(error: unknown): void;
}

/** On a request: the restoration of its user, for all guards that run in parallel. */
const RESTORED = Symbol('user restored');

/** Replaces passport's session manager and its strategy `session`. */
export class PassportSessions {
  /** The name of the strategy; `passport.session()` is `passport.authenticate('session')`. */
  readonly name = 'session';

  constructor(
    private readonly authenticator: Authenticator,
    private readonly userId: (user: unknown) => string,
  ) {}

  logIn(request: object, user: unknown, options: LogInOptions | Done, done?: Done): void {
    const callback = typeof options === 'function' ? options : done!;
    settle(this.signIn(request, user, keeps(options)), callback);
  }

  logOut(request: object, options: LogInOptions | Done, done?: Done): void {
    const callback = typeof options === 'function' ? options : done!;
    settle(this.signOut(request, keeps(options)), callback);
  }

  /** The method of the strategy. Passport calls it on an object that inherits from this one. */
  authenticate(this: PassportSessions & StrategyActions, request: object): void {
    const carrier = request as UserCarrier;
    (carrier[RESTORED] ??= this.restore(carrier)).then(
      () => this.pass(),
      (error: unknown) => this.error(error),
    );
  }

  private async signIn(request: object, user: unknown, keep: boolean): Promise<void> {
    const { authenticator } = this;
    const stored = await call((done) => authenticator.serializeUser(user, request, done));
    const session = await entriesOf(request);
    const next = await session.signIn(this.userId(user), { keep });
    next.set(ENTRY, { user: stored });
  }

  private async signOut(request: object, keep: boolean): Promise<void> {
    const session = await entriesOf(request);
    const kept = keep ? [...session.keys()].filter((key) => key !== ENTRY) : [];
    await (keep ? session.signOut({ keep: kept }) : session.signOut());
  }

  /** Sets the user of the request. In an outage, no user is treated as signed out. */
  private async restore(request: UserCarrier): Promise<void> {
    const requestSession = requestSessionOf(request);
    const session = new PreloadedSession(requestSession);
    await session.load();
    const { current } = requestSession;
    if (current.isLoaded && !current.isStored) return;
    const property = request._userProperty ?? 'user';
    try {
      session.found();
    } catch (error) {
      if (!(error instanceof SessionStoreError)) throw error;
      return refuse(request, property, error);
    }
    const entries = await entriesOf(request);
    const stored = entries.get<{ user?: unknown } | undefined>(ENTRY)?.user;
    if (stored === undefined || stored === null || stored === '') return;
    const { authenticator } = this;
    const user = await call((done) => authenticator.deserializeUser(stored, request, done));
    if (user) request[property] = user;
    else entries.delete(ENTRY);
  }
}

type Entries = Session<Record<string, unknown>>;

function entriesOf(request: object): Promise<Entries> {
  return sessionOf<Record<string, unknown>>(request);
}

function keeps(options: LogInOptions | Done): boolean {
  return typeof options !== 'function' && options.keepSessionInfo === true;
}

/** Makes reading the user throw the error. A sign-in can still set the user. */
function refuse(request: object, property: string, error: SessionStoreError): void {
  Object.defineProperty(request, property, {
    get() {
      throw error;
    },
    set: (user: unknown) =>
      Object.defineProperty(request, property, { value: user, writable: true, enumerable: true }),
    ...{ configurable: true, enumerable: true },
  });
}

function call(work: (done: Done) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    work((error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** `nextTick`: an error that the callback throws must not reject an unused promise. */
function settle(work: Promise<void>, done: Done): void {
  work.then(
    () => process.nextTick(done),
    (error: Error) => process.nextTick(done, error),
  );
}
