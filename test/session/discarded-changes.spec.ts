import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionEntries } from '../../src/session/entries.js';
import type { SessionState } from '../../src/session/session-state.js';
import { SessionWorld } from '../support/session-world.js';

describe('entries whose changes are discarded', () => {
  let entries: SessionEntries;

  beforeEach(() => {
    entries = new SessionEntries(new Map([['cart', '{"apples":2}']]));
  });

  it('are those that were read', () => {
    entries.set('new', 1);
    entries.set('cart', { pears: 1 });
    entries.setFlash('notice', 'hello');
    entries.discardChanges();
    expect([entries.get('cart'), entries.has('new'), entries.size]).toEqual([
      { apples: 2 },
      false,
      1,
    ]);
    expect(entries.hasChanges()).toBe(false);
  });

  it('forget what was changed in place', () => {
    const cart = entries.get('cart') as { apples: number };
    cart.apples = 3;
    entries.discardChanges();
    cart.apples = 4;
    expect(entries.hasChanges()).toBe(false);
    expect(entries.get('cart')).toEqual({ apples: 2 });
  });

  it('are those that were last stored', () => {
    entries.set('stored', 1);
    entries.takeChanges();
    entries.set('stored', 2);
    entries.discardChanges();
    expect(entries.get('stored')).toBe(1);
  });

  it('take further changes', () => {
    entries.clear();
    entries.discardChanges();
    entries.set('cart', { apples: 2 });
    expect(entries.hasChanges()).toBe(false);
    entries.set('cart', { apples: 5 });
    expect(entries.hasChanges()).toBe(true);
    expect(entries.takeChanges().isEmpty).toBe(false);
  });
});

describe('a session whose changes are discarded', () => {
  const world = new SessionWorld({ remember: { timeout: 90_000, absoluteTimeout: false } });
  let session: SessionState;

  beforeEach(async () => {
    session = await world.found(await world.stored());
  });

  it('has the lifetime that is stored', () => {
    world.repository.setLifetime(session, 60_000);
    world.repository.setLifetime(session, 70_000);
    session.discardChanges();
    expect([session.idle, session.hasOwnLife, session.expiresAt]).toEqual([
      ...[1200, false],
      world.clock.now() + 1_200_000,
    ]);
    expect(world.repository.hasChanges(session, true)).toBe(false);
  });

  it('keeps a lifetime that was stored in the same request', async () => {
    world.repository.setLifetime(session, 60_000);
    await world.repository.commit(session);
    world.repository.setLifetime(session, 70_000);
    session.discardChanges();
    expect(session.idle).toBe(60_000);
  });
});
