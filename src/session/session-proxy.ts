import { ReadOnlyLifecycle, type SessionLifecycle } from './session-lifecycle.js';
import { MEMBERS, SessionObject } from './session-object.js';
import type { SessionState } from './session-state.js';
import { checkKey } from './entry-value.js';
import { SessionValueError, type SessionError } from './errors.js';
import type { Session } from './session.js';

/** A session whose entries are also its properties. */
export function createSession(state: SessionState, lifecycle: SessionLifecycle): Session {
  return sessionOver(new SessionObject(state, lifecycle));
}

/**
 * A read-only session: all changes throw, or reject with, the error of `refusal`. `lifecycle`: allows
 * operations that are not writes.
 */
export function createReadOnlySession(
  state: SessionState,
  refusal: () => SessionError,
  lifecycle: SessionLifecycle = new ReadOnlyLifecycle(refusal),
): Session {
  return sessionOver(new SessionObject(state, lifecycle, refusal));
}

/** TypeScript cannot follow a proxy: its properties are the entries, which applications declare. */
function sessionOver(object: SessionObject): Session {
  return new Proxy<object>(object, propertyAccess) as Session;
}

/** Names that are not entries by property: members, those of `Object.prototype`, and `then`. */
const RESERVED = new Set([...MEMBERS, ...Object.getOwnPropertyNames(Object.prototype), 'then']);

/** Entries as properties. `then` is not an entry: otherwise awaiting a session would never end. */
const propertyAccess: ProxyHandler<SessionObject> = {
  get(target, property) {
    if (typeof property === 'symbol' || MEMBERS.has(property)) {
      return Reflect.get(target, property, target) as unknown;
    }
    if (RESERVED.has(property)) return Reflect.get(Object.prototype, property) as unknown;
    return target.get(property);
  },
  set(target, property, value) {
    if (property === 'lifetime' || property === 'persist') {
      return Reflect.set(target, property, value, target);
    }
    target.set(entryKey(property), value);
    return true;
  },
  deleteProperty(target, property) {
    target.delete(entryKey(property));
    return true;
  },
  has(target, property) {
    if (typeof property === 'symbol' || RESERVED.has(property)) return property in target;
    return target.has(property);
  },
  ownKeys(target) {
    return [...target.keys()].filter((key) => !RESERVED.has(key));
  },
  getOwnPropertyDescriptor(target, property) {
    if (typeof property === 'symbol' || RESERVED.has(property)) return undefined;
    if (!target.has(property)) return undefined;
    return { value: target.get(property), writable: true, enumerable: true, configurable: true };
  },
  defineProperty(target, property, descriptor) {
    if (!('value' in descriptor)) {
      throw new SessionValueError(
        String(property),
        'an entry cannot be an accessor; assign a value',
      );
    }
    target.set(entryKey(property), descriptor.value);
    return true;
  },
  preventExtensions: () => false,
  setPrototypeOf: () => false,
};

function entryKey(property: string | symbol): string {
  checkKey(property);
  if (property === 'userId') {
    throw new SessionValueError(
      property,
      'it tells who is signed in: sign in with await session.signIn(userId). An entry of that name ' +
        "takes session.set('userId', …) and session.get('userId')",
    );
  }
  if (RESERVED.has(property)) {
    throw new SessionValueError(
      property,
      `this name is a member of the session, so no entry can be written or read by it; choose ` +
        `another name, or use session.set('${property}', …) and session.get('${property}')`,
    );
  }
  return property;
}
