import { describe, expect, it } from '@jest/globals';

import { SessionStoreError, SessionStoreRefusal } from '../../../src/session/errors.js';
import type { Durability } from '../../../src/store/tier/tiered-store.js';
import { TIMEOUT } from '../../support/stores.js';
import {
  KEY,
  clock,
  events,
  fast,
  idle,
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

  describe('written', () => {
    it('are in both stores before the write is confirmed', async () => {
      const version = await stored();
      expect(tier.live.get(KEY)?.text).toBe('first');
      const gate = tier.hold('write');
      let isSaid = false;
      const writing = store.update(KEY, 'second', version, TIMEOUT).then(() => (isSaid = true));
      await gate.reached;
      await idle();
      expect(isSaid).toBe(false);
      gate.release();
      await writing;
      expect(tier.live.get(KEY)?.text).toBe('second');
    });

    it('by two processes leave the newer record in the tier, in any order of copies', async () => {
      const another = open();
      const version = await stored();
      const late = tier.hold('write');
      const first = store.update(KEY, 'second', version, TIMEOUT);
      await late.reached;
      const { version: next } = (await another.find(KEY))!;
      expect(await another.update(KEY, 'third', next, TIMEOUT)).toBe('stored');
      late.release();
      expect(await first).toBe('stored');
      expect(tier.live.get(KEY)?.text).toBe('third');
    });

    it("after memcached lost them continue with the tier's copy", async () => {
      const version = await stored();
      fast.drop(KEY);
      expect(await store.update(KEY, 'second', version, TIMEOUT)).toBe('changed');
      const again = (await store.find(KEY))!;
      expect(again.text).toBe('first');
      expect(await store.update(KEY, 'second', again.version, TIMEOUT)).toBe('stored');
      expect(tier.live.get(KEY)?.text).toBe('second');
    });
  });

  describe('that the fast store lost', () => {
    it('are restored, once for all parallel reads', async () => {
      await stored();
      fast.drop(KEY);
      const texts = await Promise.all(Array.from({ length: 50 }, () => textIn()));
      expect(new Set(texts)).toEqual(new Set(['first']));
      expect(tier.count('read')).toBe(1);
      expect(events.filter((event) => event === 'restored')).toHaveLength(1);
    });

    it('are restored by two parallel processes', async () => {
      const another = open();
      await stored();
      fast.drop(KEY);
      const all = [store, another].flatMap((one) => Array.from({ length: 25 }, () => textIn(one)));
      expect(new Set(await Promise.all(all))).toEqual(new Set(['first']));
      expect(tier.count('read')).toBeLessThanOrEqual(2);
      expect(events.filter((event) => event === 'restored')).toHaveLength(1);
    });

    it('keep their idle deadline, or end up to a tenth of it later', async () => {
      await stored();
      clock.pass(TIMEOUT);
      fast.drop(KEY);
      expect(await textIn()).toBe('first');
      clock.pass(TIMEOUT * 1.1);
      fast.drop(KEY);
      expect(await textIn()).toBeUndefined();
    });

    it.each([0, 0.05, 0.1, 0.11, 0.6, 1])(
      'never end early, last read after %d of it',
      async (part) => {
        await stored();
        clock.pass(TIMEOUT * part);
        expect(await textIn()).toBe('first');
        clock.pass(TIMEOUT - 1);
        fast.drop(KEY);
        expect(await textIn()).toBe('first');
      },
    );

    describe('and that a process whose clock is an hour behind wrote', () => {
      const HOUR = 3600;
      const behind = () => open('required', () => clock.now() - HOUR * 1000);

      it('are restored, once its records have shown that', async () => {
        await behind().create('sess:other', 'other', TIMEOUT);
        await behind().create(KEY, 'first', TIMEOUT);
        expect(await textIn(store, 'sess:other')).toBe('other');
        fast.drop(KEY);
        clock.pass(TIMEOUT - 1);
        expect(await textIn()).toBe('first');
      });

      it('end nevertheless', async () => {
        await behind().create('sess:other', 'other', TIMEOUT);
        await behind().create(KEY, 'first', TIMEOUT);
        expect(await textIn(store, 'sess:other')).toBe('other');
        fast.drop(KEY);
        clock.pass(TIMEOUT * 1.1);
        expect(await textIn()).toBeUndefined();
      });
    });

    it('do not live longer by a read that does not use them', async () => {
      await stored();
      clock.pass(TIMEOUT - 5);
      fast.drop(KEY);
      expect((await store.find(KEY, 0))?.text).toBe('first');
      expect(fast.lives.get(KEY)).toBe(5 + TIMEOUT * 0.1);
    });

    it('live as long as others after any read, if a clock was ahead', async () => {
      await stored();
      tier.live.set(KEY, { ...tier.live.get(KEY)!, until: clock.now() + 100 * TIMEOUT * 1000 });
      fast.drop(KEY);
      await store.find(KEY, 0);
      expect(fast.lives.get(KEY)).toBe(TIMEOUT);
    });

    it('do not live longer because a clock was ahead', async () => {
      await stored();
      tier.live.set(KEY, { ...tier.live.get(KEY)!, until: clock.now() + 100 * TIMEOUT * 1000 });
      fast.drop(KEY);
      await store.find(KEY);
      clock.pass(TIMEOUT * 1.1);
      fast.drop(KEY);
      expect(await textIn()).toBeUndefined();
    });

    it('leave nothing in the fast store if the tier has none', async () => {
      expect(await textIn()).toBeUndefined();
      expect(fast.keys).toEqual([]);
    });

    it.each<Durability>(['required', 'besteffort'])(
      'are not reported as missing while the tier is down: %s',
      async (durable) => {
        await stored();
        fast.drop(KEY);
        tier.isDown = true;
        await expect(open(durable).find(KEY)).rejects.toThrow(SessionStoreError);
        tier.isDown = false;
        expect(await textIn()).toBe('first');
      },
    );

    it('are restored by another process if one stops in between', async () => {
      const another = open();
      await stored();
      fast.drop(KEY);
      const gate = tier.hold('read', 'after');
      const stopped = store.find(KEY);
      await gate.reached;
      expect(await textIn(another)).toBe('first');
      gate.release();
      expect((await stopped)?.text).toBe('first');
    });
  });

  describe('while the tier is down', () => {
    it('are refused when the tier is required', async () => {
      const version = await stored();
      tier.isDown = true;
      await expect(store.create('sess:b', 'text', TIMEOUT)).rejects.toThrow(SessionStoreRefusal);
      const writing = store.update(KEY, 'second', version, TIMEOUT);
      await expect(writing).rejects.toThrow(SessionStoreError);
    });

    it('are served with best effort, and copied by the next write', async () => {
      reopen('besteffort');
      tier.isDown = true;
      const version = await stored();
      expect(await store.update(KEY, 'second', version, TIMEOUT)).not.toBe('gone');
      tier.isDown = false;
      const { version: next } = (await store.find(KEY))!;
      expect(await store.update(KEY, 'third', next, TIMEOUT)).toBe('stored');
      expect(tier.live.get(KEY)?.text).toBe('third');
      expect(events).toContain('failed');
      expect(events.at(-1)).toBe('failed');
    });

    it('are copied by the next read, too', async () => {
      reopen('besteffort');
      tier.isDown = true;
      await store.create(KEY, 'first', TIMEOUT);
      tier.isDown = false;
      expect(await textIn()).toBe('first');
      expect(tier.live.get(KEY)?.text).toBe('first');
    });

    it('are read, without an attempt to renew each of them in the tier', async () => {
      await stored();
      clock.pass(TIMEOUT / 2);
      tier.isDown = true;
      for (let use = 0; use < 10; use++) expect(await textIn()).toBe('first');
      expect(events.filter((event) => event === 'failed')).toHaveLength(1);
      clock.pass(6);
      tier.isDown = false;
      expect(await textIn()).toBe('first');
      expect(tier.live.get(KEY)?.until).toBe(clock.now() + TIMEOUT * 1100);
    });
  });

  it('from before the tier are served, and copied', async () => {
    fast.put(KEY, 'a plain record');
    expect(await textIn()).toBe('a plain record');
    expect(tier.live.get(KEY)?.text).toBe('a plain record');
  });

  it('that others change before their first copy arrives are copied with the change', async () => {
    const another = open();
    const arriving = tier.hold('write');
    const creating = store.create(KEY, 'first', TIMEOUT);
    await arriving.reached;
    const { version } = (await another.find(KEY))!;
    expect(await another.update(KEY, 'second', version, TIMEOUT)).toBe('stored');
    arriving.release();
    expect(await creating).toBe('stored');
    expect(tier.live.get(KEY)?.text).toBe('second');
  });

  it('need as many operations as the page of the durable tier says', async () => {
    const costOf = async (work: () => Promise<unknown>) => {
      fast.calls.length = tier.calls.length = 0;
      await work();
      return [fast.calls.length, tier.calls.length];
    };
    const write = async () => {
      const { version } = (await store.find(KEY))!;
      await store.update(KEY, 'text', version, TIMEOUT);
    };
    expect(await costOf(() => store.find(KEY))).toEqual([4, 1]); // no session
    expect(await costOf(() => store.create(KEY, 'text', TIMEOUT))).toEqual([2, 1]);
    expect(await costOf(() => store.find(KEY))).toEqual([1, 0]);
    expect(await costOf(() => write())).toEqual([3, 1]);
    fast.drop(KEY);
    expect(await costOf(() => store.find(KEY))).toEqual([5, 1]); // brought back
    clock.pass(TIMEOUT / 2);
    expect(await costOf(() => store.find(KEY))).toEqual([4, 1]); // renewed
    const logout = async () => store.remove(KEY, (await store.find(KEY))!.version);
    expect(await costOf(logout)).toEqual([3, 2]);
    await store.create('sess:b', 'text', TIMEOUT);
    const { version } = (await store.find('sess:b'))!;
    const newId = async () => {
      await store.create('sess:c', 'text', TIMEOUT);
      await store.update('sess:b', 'forwarder', version, 300, { isFinal: true });
    };
    expect(await costOf(newId)).toEqual([4, 3]); // and one to read it
  });

  it('does not renew a session that another process stores while it looks for a copy', async () => {
    fast.timeout = TIMEOUT;
    fast.before('create', () => open().create(KEY, 'first', 20));
    expect((await store.find(KEY, 0))?.text).toBe('first');
    expect(fast.lives.get(KEY)).toBe(20);
  });
});
