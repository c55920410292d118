import { SessionManager } from '../session/session-manager.js';
import { CurrentSession } from '../session/current-session.js';
import type { SessionEntries } from '../session/entry-types.js';
import { lifeSeconds } from '../session/lifetime.js';
import type { SessionData } from '../session/session-data.js';
import type { Session } from '../session/session.js';
import type { SessionPolicy } from '../session/policy.js';
import { SessionRepository } from '../session/repository.js';
import { SessionState } from '../session/session-state.js';
import { checkUserId, newHandle } from '../session/session-user.js';
import { SessionTelemetry } from '../session/telemetry.js';
import { StoreKeys } from '../session/storage/keys.js';
import { encodeRecord } from '../session/storage/record-format.js';
import { checksumSeal } from '../session/storage/seal.js';
import type { SessionStore } from '../session/storage/store.js';
import { encodeIndex } from '../session/users/index-format.js';
import { checkSessionOptions, type SessionModuleOptions } from '../session-options.js';
import { clientRoutes } from '../http/socket-route.js';
import type { SessionRoute } from '../http/route.js';
import type { TestSessions } from './test-sessions.js';
import { TestStore } from './test-store.js';

type Limits = 'timeout' | 'absoluteTimeout' | 'remember' | 'maxBytes' | 'strictValues' | 'onOutage';

/** The options of `testSession()`. */
export interface TestSessionOptions extends Pick<SessionModuleOptions, Limits> {
  /** The id of the signed-in user. Default: no user is signed in. */
  readonly userId?: string | undefined;
  /** Its clock and its store, to let time pass and to let the store fail. Default: the real time, no faults. */
  readonly sessions?: TestSessions | undefined;
}

/** A request without a server. Everything that it would send to its client is dropped. */
const TRANSPORT = { receive: () => ({ ticket: undefined }), isOpen: true };

/** Its sessions: the first one, and those that replace it after a sign-in or a sign-out. */
class TestRequest extends CurrentSession implements SessionRoute {
  readonly manager = new SessionManager({ use: () => this });

  override take(state: SessionState): Session {
    const session = super.take(state);
    clientRoutes.set(session, this);
    return session;
  }
}

/** Sessions of different calls share nothing, even in the same store. */
let calls = 0;

/**
 * Creates a session to test a controller or a service without an application. It has these entries and the
 * methods of a request's session: `signIn()`, `save()` and the others work in memory. It is returned
 * synchronously. With entries or a user it is a stored session, otherwise a new one.
 *
 * ```ts
 * const session = testSession({ cart: ['apple'] }, { userId: '7' });
 * new CartController().add(session, 'pear');
 * expect(session.cart).toEqual(['apple', 'pear']);
 * ```
 *
 * `sessionOf()` accepts it, and returns the visitor's current session, such as after a sign-out.
 *
 * @param entries the session's entries; a `userId` among them signs that user in, like the option
 * @throws SessionValueError if JSON would not preserve an entry, or if it is not a valid user id
 * @throws SessionOptionsError if an option is not valid
 */
export function testSession<D extends object = SessionData>(
  entries: NoInfer<Partial<SessionEntries<D>>> & { readonly userId?: string | undefined } = {},
  { sessions, userId = entries.userId, ...limits }: TestSessionOptions = {},
): Session<D> {
  if (userId !== undefined) checkUserId(userId);
  const options = checkSessionOptions({ ...limits, keyPrefix: `test:${++calls}:` });
  const now = sessions?.clock.now ?? Date.now;
  const store = sessions?.store ?? new TestStore(now);
  const policy: SessionPolicy = {
    ...{ ...options, persistentCookie: false, secrets: [], now },
    ...{ warn: () => undefined, telemetry: new SessionTelemetry() },
  };
  const repository = new SessionRepository(renewing(store, policy.timeout), policy);
  const { userId: _, ...values } = entries as Readonly<Record<string, unknown>>;
  const begun = repository.begin();
  for (const [key, value] of Object.entries(values)) begun.entries.set(key, value);
  const state =
    begun.entries.isEmpty && userId === undefined ? begun : stored(begun, userId, store, policy);
  return new TestRequest(repository, TRANSPORT, options.onOutage).take(state) as Session<D>;
}

/** Stores the session, and returns it as a later request reads it. */
function stored(
  begun: SessionState,
  userId: string | undefined,
  store: TestStore,
  policy: SessionPolicy,
): SessionState {
  const { key, ticket, createdAt } = begun;
  if (userId !== undefined) {
    const user = { id: userId, handle: newHandle() };
    begun.signedInAs(user);
    begun.signedInAt = createdAt;
    const indexKey = new StoreKeys(policy.keyPrefix, []).ofUser(userId, 0);
    const sessions = [{ handle: user.handle, key, seenAt: createdAt }];
    const index = checksumSeal.close(indexKey, encodeIndex({ sessions, ending: [] }));
    store.put(indexKey, index, 2 * policy.timeout);
  }
  const record = begun.toRecord();
  store.put(key, checksumSeal.close(key, encodeRecord(record)), lifeSeconds(policy, begun));
  const found = { record, version: '' };
  const state = new SessionState({ ticket, key, createdAt, generation: 0, policy, found });
  // Removes the version, so that the first write reads it.
  state.takeVersion();
  return state;
}

/** The test's store, with the idle timeout of this session: an application may use it with another one. */
function renewing(store: TestStore, timeout: number): SessionStore {
  return {
    find: (key, renewTo = timeout) => store.find(key, renewTo),
    create: (...args) => store.create(...args),
    update: (...args) => store.update(...args),
    remove: (...args) => store.remove(...args),
  };
}
