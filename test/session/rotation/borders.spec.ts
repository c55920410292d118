import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionState } from '../../../src/session/session-state.js';
import { SessionWorld } from '../../support/session-world.js';

describe('a session given a new id that does not keep all entries', () => {
  const entries = { user: 7, cart: { apples: 2 }, csrf: 'x' };
  let world: SessionWorld;
  let oldId: string;
  let state: SessionState;

  beforeEach(async () => {
    world = new SessionWorld();
    oldId = await world.stored(entries);
    state = await world.found(oldId);
  });

  const regenerate = (keep?: boolean | string[]): Promise<void> =>
    world.repository.regenerate(state, keep);

  /** The keys under which there is a session, not a forwarder. */
  const sessionKeys = (): string[] =>
    world.store.keys.filter((key) => !('forwardTo' in (world.recordAt(key) ?? {})));

  const ways: [string, boolean | string[]][] = [
    ['nothing', false],
    ['what is named', ['cart']],
  ];

  it.each(ways)('accepts no changes from requests that read it before: %s', async (_what, keep) => {
    const late = await world.found(oldId);
    const kept = keep ? { cart: entries.cart } : {};
    await regenerate(keep);
    const seen: unknown[] = [];
    late.entries.update('cart', (cart) => {
      seen.push(cart);
      return 'late';
    });
    await world.anotherProcess().commit(late);
    expect(late.status).toBe('gone');
    expect(seen).toEqual([entries.cart]);
    expect(world.entriesAt(state.key)).toEqual(kept);
  });

  it.each(ways)('is not ended by requests that read it before: %s', async (_what, keep) => {
    const late = await world.found(oldId);
    await regenerate(keep);
    await world.repository.destroy(late);
    expect(world.recordAt(state.key)).toHaveProperty('entries');
  });

  it('accepts none from requests that followed earlier ids either', async () => {
    const late = await world.found(oldId);
    await regenerate();
    late.entries.set('late', 1);
    await world.repository.commit(late);
    expect(late).toMatchObject({ status: 'stored', key: state.key });
    const present = await world.found(state.id);
    await world.repository.regenerate(present, ['cart']);
    late.entries.set('later', 1);
    await world.repository.commit(late);
    expect(late.status).toBe('gone');
    expect(world.entriesAt(present.key)).toEqual({ cart: entries.cart });
  });

  describe.each(ways)('after another request gave it a new id: %s', (_what, keep) => {
    let other: SessionState;
    let late: SessionState;

    beforeEach(async () => {
      [other, late] = [await world.found(oldId), await world.found(oldId)];
      await world.repository.regenerate(other);
      await regenerate(keep);
    });

    it('continues there for requests that read it before', async () => {
      late.entries.set('late', 1);
      await world.anotherProcess().commit(late);
      expect(world.entriesAt(other.key)).toEqual({ ...entries, late: 1 });
      expect(world.entriesAt(state.key)).not.toHaveProperty('late');
    });

    it('ends there with a request that read it before', async () => {
      await world.anotherProcess().destroy(late);
      expect(sessionKeys()).toEqual([state.key]);
    });
  });

  it('leaves a border that older releases do not read as a session', async () => {
    await regenerate(false);
    expect(world.recordAt(world.keyOf(oldId))).toEqual({
      ...{ forwardTo: state.key, isBorder: true },
      until: world.clock.now() + 1_200_000,
    });
    expect(world.store.text(world.keyOf(oldId))).toMatch(/^[0-9a-f]{8}\[2,"border","sess:/);
  });
});
