import { SessionLimitError } from '../errors.js';
import { checkInterval } from './checks.js';
import {
  awaitingDelivery,
  endingSessions,
  movingTo,
  sessionIn,
  withoutGone,
  withoutWayTo,
  withSession,
  type IndexedSession,
  type UserIndex,
} from './index-format.js';
import type { UserLookup } from './lookup.js';

/**
 * Adds a session to its user's index within the limits of `maxSessionsPerUser` and `whenTooMany`. The
 * decision is part of the compare-and-set, so it holds for parallel sign-ins. Returns the new index.
 *
 * `listedTo`: the session is already listed and is about to move to this key. It is not added again if
 * it was removed meanwhile. `isDelivered`: the client has its id already.
 *
 * @throws SessionLimitError if the limit is reached and `whenTooMany` is `'refuse'`
 */
export async function enforceLimit(
  lookup: UserLookup,
  userId: string,
  session: IndexedSession,
  {
    listedTo,
    isDelivered,
  }: { readonly listedTo?: string | undefined; readonly isDelivered: boolean },
): Promise<UserIndex> {
  const { indexes, policy } = lookup;
  const { maxSessionsPerUser, whenTooMany } = policy;
  const [indexKey = '', ...olderKeys] = lookup.keys.allOfUser(userId);
  const max = maxSessionsPerUser === false ? Infinity : maxSessionsPerUser;
  const older =
    max === Infinity ? 0 : await countInOlderIndexes(lookup, userId, session, olderKeys);
  return indexes.change(indexKey, async (index) => {
    const present = sessionIn(index, session.handle);
    if (listedTo !== undefined && !present) return undefined;
    const room = max - older - (present ? 0 : 1);
    const { beside, more } = present ?? {};
    // A move in progress updates the key in the index; the key given here may be older.
    const added = { ...session, beside, more };
    let entered = isDelivered ? added : awaitingDelivery(added, session.key, policy.now());
    if (present && listedTo !== undefined)
      entered = movingTo({ ...present, ...session, key: present.key }, listedTo, policy.now());
    const live = withoutWayTo(
      await withoutExpired(lookup, userId, index, { room, handle: session.handle }),
      session.key,
    );
    let next = withSession(live, entered);
    while (next.sessions.length + older > max || !indexes.fits(indexKey, next)) {
      const oldest = next.sessions.find(({ handle }) => handle !== session.handle);
      if (whenTooMany === 'refuse' || !oldest) throw new SessionLimitError();
      next = endingSessions(next, [oldest]);
    }
    return next;
  });
}

/**
 * Counts the sessions in the indexes of older secrets. If the limit requires it, ends some of them first:
 * they are all older than those in the newest index.
 */
async function countInOlderIndexes(
  lookup: UserLookup,
  userId: string,
  { handle }: IndexedSession,
  olderKeys: readonly string[],
): Promise<number> {
  const { maxSessionsPerUser, whenTooMany } = lookup.policy;
  let count = 0;
  for (const key of olderKeys) {
    const others = (await lookup.live(userId, key)).filter((one) => one.handle !== handle);
    const surplus = count + others.length + 1 - Number(maxSessionsPerUser);
    const ended = whenTooMany === 'end-oldest' ? others.slice(0, Math.max(0, surplus)) : [];
    const handles = new Set(ended.map((one) => one.handle));
    if (ended.length > 0) await lookup.end(key, (one) => handles.has(one.handle));
    count += others.length - ended.length;
  }
  return count;
}

/**
 * Removes expired sessions. If there is no room, ends those that no client has; otherwise only records of long
 * unused sessions are read. `handle`: the session that is signed in, which stays.
 */
async function withoutExpired(
  lookup: UserLookup,
  userId: string,
  index: UserIndex,
  { room, handle }: { readonly room: number; readonly handle: string },
): Promise<UserIndex> {
  const { timeout, now } = lookup.policy;
  const longTime = timeout * 1000 + 2 * checkInterval(lookup.policy);
  const isCrowded = index.sessions.length > room;
  const doubtful = index.sessions.filter(
    ({ seenAt }) => isCrowded || Math.abs(now() - seenAt) > longTime,
  );
  const { gone, abandoned } = await lookup.classify(userId, doubtful);
  const left = gone.length > 0 ? withoutGone(index, gone) : index;
  // By the clock of another process, a session that is being answered may seem abandoned.
  const others = isCrowded ? abandoned.filter((one) => one.handle !== handle) : [];
  return others.length > 0 ? endingSessions(left, others) : left;
}
