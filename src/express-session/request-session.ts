import { requestSessionIsServed } from '../http/nest-session-hint.js';
import type { FrameworkRequest, RequestSession } from '../http/request-session.js';
import { isRouted, requestSessionOf, unansweredSessionOf } from '../http/session-of.js';
import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionDestroyedError, SessionOptionsError } from '../session/errors.js';
import { RequestSessionCookie, type CookieLife } from './request-session-cookie.js';
import { PreloadedSession } from '../http/preloaded-session.js';
import type { UnansweredSession } from '../http/unanswered-session.js';
import { SessionValues, type SessionOwner } from './request-session-object.js';

/** The options of `requestSession()`. */
export interface RequestSessionOptions {
  /**
   * The effect of `request.session = null` and of `delete request.session`: `'keep'`, the default, drops the
   * changes of the request and keeps the stored session; `'destroy'` destroys the session.
   */
  readonly unset?: 'keep' | 'destroy' | undefined;
}

/** Middleware for Express and Fastify, and a plugin for `app.register()` of Fastify. */
export interface RequestSessionHandler {
  (request: object, response: object, next: (error?: unknown) => void): void;
  (instance: object, options: object, done: (error?: Error) => void): void;
}

/** The part of a Fastify instance that is used. */
interface FastifyInstance {
  addHook(name: string, hook: (request: object, ...more: unknown[]) => void): unknown;
}

type Next = (error?: unknown) => void;

/** The properties of a request that are used. */
interface SessionCarrier extends FrameworkRequest {
  session?: unknown;
  sessionID?: unknown;
}

/** Options of express-session, with what to do instead. */
const FOREIGN_OPTIONS = {
  secret: 'give secrets to SessionModule.forRoot(), and leave it out here',
  store: 'give memcached or stores to SessionModule.forRoot(), and leave it out here',
  name: 'give cookie.name to SessionModule.forRoot(), and leave it out here',
  cookie: 'give cookie and timeout to SessionModule.forRoot(), and leave it out here',
  rolling:
    'not needed, because each use of a session renews it; for the cookie give cookie.persistent to ' +
    'SessionModule.forRoot()',
  resave: 'not needed, because only what has changed is stored; leave it out',
  saveUninitialized:
    'not needed, because a session is stored when it is first written to; leave it out',
  genid: 'not needed, because each id is 256 random bits; leave it out',
  proxy: "not needed, because the framework's own trust proxy counts; leave it out",
};

/**
 * Provides `request.session`, like express-session, for passport and other libraries that need it. Replaces
 * `app.use(session({ … }))`:
 *
 * ```ts
 * app.use(requestSession());       // Express, and Fastify
 * app.register(requestSession());  // Fastify, if no middleware needs it
 * ```
 *
 * The session is that of `SessionModule`, which `@Session()` also returns. A request with a session cookie
 * reads its session before the next middleware. A request without one reads nothing.
 *
 * @throws SessionOptionsError for invalid options
 */
export function requestSession(options: RequestSessionOptions = {}): RequestSessionHandler {
  refuseUnknownOptions(options, ['unset'], undefined, FOREIGN_OPTIONS);
  const { unset = 'keep' } = options;
  if (unset !== 'keep' && unset !== 'destroy') {
    throw new SessionOptionsError('unset', "give 'keep' or 'destroy'");
  }
  requestSessionIsServed();
  const handler: RequestSessionHandler = (
    requestOrInstance: object,
    responseOrOptions: object,
    next: () => void,
  ) => {
    if (!('addHook' in requestOrInstance)) {
      return serve(requestOrInstance, responseOrOptions, unset, next);
    }
    serveFastify(requestOrInstance as FastifyInstance, unset);
    next();
  };
  // Makes Fastify apply the plugin to all routes, not only to those in its scope.
  return Object.assign(handler, { [Symbol.for('skip-override')]: true });
}

/** Serves a request after it has reached `SessionModule`, which a testing module registers later. */
function serveFastify(instance: FastifyInstance, unset: 'keep' | 'destroy'): void {
  instance.addHook('onRequest', (request, reply, done) => {
    if (isRouted(request)) serve(request, reply as object, unset, done as Next);
    else (done as Next)();
  });
  instance.addHook('preParsing', (request, reply, _payload, done) =>
    serve(request, reply as object, unset, done as Next),
  );
}

function serve(
  request: SessionCarrier,
  response: object,
  unset: 'keep' | 'destroy',
  next: Next,
): void {
  // The request already has a session, of this package or of another library.
  if (PLACE in request || request.session) return next();
  let place: SessionPlace;
  try {
    place = new SessionPlace(request, unset, unansweredSessionOf(request, response));
  } catch (error) {
    return next(error);
  }
  void place.preload().then(() => next(), next);
}

/** Marks requests that have a `SessionPlace`. A request of Fastify shares it with its raw request. */
const PLACE = Symbol('session place');

/** The properties `session` and `sessionID` of a request. */
class SessionPlace implements SessionOwner {
  /** Absent if no response waits for the changes. */
  private readonly answered: RequestSession | undefined;
  private readonly session: RequestSession | UnansweredSession;
  private readonly preloaded: PreloadedSession;
  private values: SessionValues | undefined;
  /** The value that was assigned to `request.session`. `isEnded`: by `destroy()`. */
  private assigned: { readonly value: unknown; readonly isEnded?: boolean } | undefined;
  /** The requests that have the property `session`: on Fastify its own and the raw one. */
  private readonly carriers: object[] = [];
  private isDropped = false;

  constructor(
    readonly request: SessionCarrier,
    private readonly unset: 'keep' | 'destroy',
    unanswered: UnansweredSession | undefined,
  ) {
    this.answered = unanswered ? undefined : this.answeredSession();
    this.session = unanswered ?? this.answered!;
    this.preloaded = new PreloadedSession(this.session);
    this.serve(request);
    if (request.raw) this.serve(request.raw);
  }

  private answeredSession(): RequestSession {
    const session = requestSessionOf(this.request, (other) => this.serve(other));
    session.isStrictAboutHttps = true;
    session.beforeCommit = () => this.dropIfUnset();
    return session;
  }

  /** @throws SessionStoreError if the session could not be read, and no response can report that later */
  async preload(): Promise<void> {
    await this.preloaded.load();
    const { answered } = this;
    if (!answered) return void this.preloaded.found();
    const { current } = answered;
    // `delete request.session` is found out only when the response begins.
    if (this.unset === 'destroy' && (current.isStored || !current.isLoaded)) answered.watch();
  }

  newCookie(life: CookieLife): RequestSessionCookie {
    const { cookieAttributes, now } = this.session;
    return new RequestSessionCookie(cookieAttributes, life, now);
  }

  setCookieLife(seconds: number | false): void {
    this.preloaded.setCookieLife(seconds);
  }

  async regenerate(from: SessionValues): Promise<void> {
    from.detach();
    await this.session.use().create();
    this.assigned = undefined;
  }

  async save(from: SessionValues): Promise<void> {
    if (from.isOld) throw new SessionDestroyedError();
    // If the session has ended meanwhile, a change that only deletes has succeeded, as in a second sign-out.
    const { onlyTakesAway } = from.state.entries;
    try {
      await this.session.use().save();
    } catch (error) {
      if (!(error instanceof SessionDestroyedError && onlyTakesAway)) throw error;
    }
  }

  async reload(from: SessionValues): Promise<void> {
    if (from.isOld) throw new SessionDestroyedError();
    from.detach();
    from.state.discardChanges();
    await this.session.use().reload();
    this.values = undefined;
  }

  async destroy(from: SessionValues): Promise<void> {
    if (from.isOld) return;
    from.detach();
    this.assigned = { value: undefined, isEnded: true };
    await this.session.use().destroy();
  }

  private serve(request: object): void {
    if (PLACE in request) return;
    this.carriers.push(request);
    Object.defineProperties(request, {
      [PLACE]: { value: true },
      session: {
        get: () => this.get(),
        set: (value: unknown) => this.set(value),
        ...{ configurable: true, enumerable: true },
      },
      sessionID: {
        get: () => this.preloaded.found().state.id,
        ...{ configurable: true, enumerable: true },
      },
    });
  }

  private get(): unknown {
    return this.assigned ? this.assigned.value : this.current().object;
  }

  private current(): SessionValues {
    const { state, refusal } = this.preloaded.found();
    if (this.values?.state !== state) {
      this.values = new SessionValues(state, this, refusal);
    }
    return this.values;
  }

  private set(value: unknown): void {
    // In an outage the response fails, as no one can say that the session was unset.
    const { object } = this.current();
    this.assigned = value === object ? undefined : { value };
  }

  /**
   * Drops the session after `request.session = null` or `delete request.session`: not before the response
   * begins, as a library may hide the session for a while and put it back.
   */
  private dropIfUnset(): Promise<void> | undefined {
    if (this.isDropped || !this.isUnset) return undefined;
    this.isDropped = true;
    if (this.unset === 'destroy') return this.session.use().destroy();
    if (!this.values) return undefined;
    const values = this.current();
    values.detach();
    values.state.discardChanges();
    return undefined;
  }

  private get isUnset(): boolean {
    const { assigned } = this;
    if (!assigned) return this.carriers.some((request) => !Object.hasOwn(request, 'session'));
    return !assigned.isEnded && (assigned.value === undefined || assigned.value === null);
  }
}
