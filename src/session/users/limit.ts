import { SessionLimitError } from '../errors.js';
import { checkInterval } from './checks.js';
import {
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
 * Puts a session into its user's index, as `maxSessionsPerUser` and `whenTooMany` have it: decided
 * within the compare-and-set, so it holds however many sign in at once. Answers the index.
 *
 * @throws SessionLimitError if there is no room
 *
 * `listedTo`: it has a place already, is not put in anew if that is gone, and gets this key.
 */
export async function enforceLimit(
  lookup: UserLookup,
  userId: string,
  session: IndexedSession,
  listedTo?: string,
): Promise<UserIndex> {
  const { indexes, policy } = lookup;
  const { maxSessionsPerUser, whenTooMany } = policy;
  const [indexKey = '', ...olderKeys] = lookup.keys.allOfUser(userId);
  const max = maxSessionsPerUser === false ? Infinity : maxSessionsPerUser;
  const older = max === Infinity ? 0 : await settleOlder(lookup, userId, session, olderKeys);
  return indexes.change(indexKey, async (index) => {
    const present = sessionIn(index, session.handle);
    if (listedTo !== undefined && !present) return undefined;
    const room = max - older - (present ? 0 : 1);
    const { beside, more } = present ?? {};
    // Where it is now is known better to who moved it there.
    const entered =
      present && listedTo !== undefined
        ? movingTo({ ...present, ...session, key: present.key }, listedTo)
        : { ...session, beside, more };
    const live = withoutWayTo(await withoutLost(lookup, userId, index, room), session.key);
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
 * How many sessions the indexes of older secrets name, which those were signed in with. If they have
 * to make room, they do so here: all of them are older than what the newest index names.
 */
async function settleOlder(
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

/** Drops the sessions that ran out. If there is room, only those that must have are looked for. */
async function withoutLost(
  lookup: UserLookup,
  userId: string,
  index: UserIndex,
  room: number,
): Promise<UserIndex> {
  const { timeout, now } = lookup.policy;
  const longTime = timeout * 1000 + 2 * checkInterval(lookup.policy);
  const isCrowded = index.sessions.length > room;
  const doubtful = index.sessions.filter(
    ({ seenAt }) => isCrowded || Math.abs(now() - seenAt) > longTime,
  );
  const { gone } = await lookup.sort(userId, doubtful);
  return gone.length > 0 ? withoutGone(index, gone) : index;
}
