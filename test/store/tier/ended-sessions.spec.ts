import { describe, expect, it } from '@jest/globals';

import { SessionStoreError, SessionStoreRefusal } from '../../../src/session/errors.js';
import { TIMEOUT } from '../../support/stores.js';
import {
  KEY,
  clock,
  fast,
  open,
  reopen,
  store,
  stored,
  textIn,
  tier,
  useTieredWorld,
} from './tiered-world.js';

describe('sessions in a fast store with a durable tier', () => {
  useTieredWorld();

  describe('that ended', () => {
    it('end in the tier first, and stay unchanged if that fails', async () => {
      for (const durable of ['required', 'besteffort'] as const) {
        reopen(durable);
        const version = (await store.find(KEY))?.version ?? (await stored());
        tier.isDown = true;
        await expect(store.remove(KEY, version)).rejects.toThrow(SessionStoreError);
        const moving = store.update(KEY, 'forwarder', version, 300, { isFinal: true });
        await expect(moving).rejects.toThrow(SessionStoreRefusal);
        expect(await textIn()).toBe('first');
        tier.isDown = false;
      }
    });

    it.each(['before', 'after'] as const)(
      'stay ended for a process that paused %s it read them in the tier',
      async (at) => {
        const another = open();
        await stored();
        fast.drop(KEY);
        const gate = tier.hold('read', at);
        const restoring = store.find(KEY);
        await gate.reached;
        const found = (await another.find(KEY))!;
        expect(await another.remove(KEY, found.version)).toBe('removed');
        expect(await textIn(another)).toBeUndefined();
        gate.release();
        expect(await restoring).toBeUndefined();
        expect(fast.keys).toEqual([]);
      },
    );

    it('stay ended when the request that ends them finds another process’s lease', async () => {
      const another = open();
      const version = await stored();
      fast.drop(KEY);
      const gate = tier.hold('read', 'after');
      const restoring = store.find(KEY);
      await gate.reached;
      expect(await another.remove(KEY, version)).toBe('changed');
      const { version: restored } = (await another.find(KEY))!;
      expect(await another.remove(KEY, restored)).toBe('removed');
      gate.release();
      expect(await restoring).toBeUndefined();
      expect(await textIn(another)).toBeUndefined();
    });

    it('stay ended when a copy arrives late, also one of a crashed process', async () => {
      const another = open();
      const version = await stored();
      const late = tier.hold('write');
      const writing = store.update(KEY, 'second', version, TIMEOUT);
      await late.reached;
      const found = (await another.find(KEY))!;
      expect(found.text).toBe('second');
      expect(await another.remove(KEY, found.version)).toBe('removed');
      fast.before('find', () => Promise.reject(new SessionStoreError())); // it never looks again
      late.release();
      await expect(writing).rejects.toThrow(SessionStoreError);
      expect(await textIn(another)).toBeUndefined();
    });

    it('end at the second attempt if the fast store was down at the first', async () => {
      const version = await stored();
      fast.before('remove', () => Promise.reject(new SessionStoreError()));
      await expect(store.remove(KEY, version)).rejects.toThrow(SessionStoreError);
      expect(await store.remove(KEY, version)).toBe('removed');
      expect(await textIn()).toBeUndefined();
    });

    it('end at once if the fast store was down and lost its memory', async () => {
      const version = await stored();
      fast.before('remove', () => Promise.reject(new SessionStoreError()));
      await expect(store.remove(KEY, version)).rejects.toThrow(SessionStoreError);
      fast.drop(KEY);
      expect(await textIn()).toBeUndefined();
      expect(await store.remove(KEY, version)).toBe('gone');
    });
  });

  it.each<[string, (version: string) => Promise<string>]>([
    ['ended', (version) => store.remove(KEY, version)],
    ['got a new id', (version) => store.update(KEY, 'to b', version, 300, { isFinal: true })],
  ])('that %s stay so until no late copy can be there any more', async (_what, end) => {
    const longest = 30 * TIMEOUT;
    reopen('besteffort', clock.now, longest);
    tier.isDown = true;
    await store.create(KEY, 'first', longest);
    tier.isDown = false;
    const { version } = (await store.find(KEY, 0))!;
    await end(version);
    expect(tier.outlives.get(KEY)).toBeGreaterThanOrEqual(clock.now() + longest * 1000);
  });

  describe('that got a new id', () => {
    it('are not served under the old id after the fast store lost the forwarder', async () => {
      const version = await stored();
      expect(await store.update(KEY, 'forwarder', version, 300, { isFinal: true })).toBe('stored');
      fast.drop(KEY);
      expect(await textIn()).toBe('forwarder');
      fast.drop(KEY);
      clock.pass(301);
      expect(await textIn()).toBeUndefined();
    });

    it('leave the forwarder no longer in the fast store than a session, if a clock was ahead', async () => {
      const version = await stored();
      await store.update(KEY, 'forwarder', version, 300, { isFinal: true });
      const until = clock.now() + 100 * TIMEOUT * 1000;
      tier.moved.set(KEY, { ...tier.moved.get(KEY)!, until });
      fast.drop(KEY);
      expect((await store.find(KEY, 0))?.text).toBe('forwarder');
      expect(fast.lives.get(KEY)).toBe(TIMEOUT);
    });

    it('are not served under the old id when its copy arrives late', async () => {
      const another = open();
      const version = await stored();
      const late = tier.hold('write');
      const writing = store.update(KEY, 'second', version, TIMEOUT);
      await late.reached;
      const found = (await another.find(KEY))!;
      expect(await another.update(KEY, 'forwarder', found.version, 300, { isFinal: true })).toBe(
        'stored',
      );
      late.release();
      expect(await writing).toBe('stored');
      fast.drop(KEY);
      expect(await textIn(another)).toBe('forwarder');
    });

    it('keep changes written before a move that came too late', async () => {
      const another = open();
      const version = await stored();
      const gate = tier.hold('write', 'after');
      const moving = store.update(KEY, 'forwarder', version, 300, { isFinal: true });
      await gate.reached;
      expect(await another.update(KEY, 'second', version, TIMEOUT)).toBe('stored');
      gate.release();
      expect(await moving).toBe('changed');
      fast.drop(KEY);
      expect(await textIn()).toBe('second');
    });

    it('have the new id when the fast store loses them at that moment', async () => {
      const version = await stored();
      fast.before('update', (key) => fast.drop(key));
      expect(await store.update(KEY, 'forwarder', version, 300, { isFinal: true })).toBe('stored');
      expect(await textIn()).toBe('forwarder');
    });

    it('have the new id when another process restores the forwarder at that moment', async () => {
      const version = await stored();
      fast.before('update', async (key) => {
        fast.drop(key);
        expect(await textIn(open())).toBe('forwarder');
      });
      expect(await store.update(KEY, 'forwarder', version, 300, { isFinal: true })).toBe('stored');
    });

    it('keep the old id when a change was stored just before the fast store lost them', async () => {
      const version = await stored();
      clock.pass(1);
      await open().update(KEY, 'second', version, TIMEOUT);
      fast.drop(KEY);
      clock.pass(1);
      expect(await store.update(KEY, 'forwarder', version, 300, { isFinal: true })).toBe('changed');
      expect(await textIn()).toBe('second');
    });
  });
});
