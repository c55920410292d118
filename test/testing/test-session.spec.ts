import { describe, expect, it } from '@jest/globals';

import {
  SessionDestroyedError,
  sessionOf,
  SessionStoreError,
  SessionValueError,
  type Session,
} from '../../src/index.js';
import { testContext, testSession, TestSessions } from '../../src/testing.js';

/** What a visitor has in `cart`, as later requests read it. */
async function storedCart(session: Session): Promise<unknown> {
  const before = session.get('cart');
  await session.reload();
  return [before, session.get('cart')];
}

describe('testSession()', () => {
  it('has its entries at once, by method and by property', () => {
    const session = testSession({ cart: ['apple'] });
    expect(session.get('cart')).toEqual(['apple']);
    expect(session.cart).toEqual(['apple']);
    expect([session.size, session.isNew, session.userId]).toEqual([1, false, undefined]);
    expect(session.toJSON()).toEqual({ cart: ['apple'] });
  });

  it('without entries it is new', () => {
    expect([testSession().isNew, testSession().size]).toEqual([true, 0]);
  });

  it('is changed like any, and saved', async () => {
    for (const session of [testSession(), testSession({ cart: ['apple'] })]) {
      session.cart = ['pear'];
      session.increment('visits');
      await session.save();
      expect(await storedCart(session)).toEqual([['pear'], ['pear']]);
      expect(session.get('visits')).toBe(1);
    }
  });

  it('refuses what any session refuses', () => {
    expect(() => testSession({ born: new Date() })).toThrow(SessionValueError);
    expect(() => testSession({}, { userId: '' })).toThrow(SessionValueError);
    expect(() => testSession({}, { timeout: 0 })).toThrow(/timeout/);
    expect(() => testSession().set('cart', () => 1)).toThrow(SessionValueError);
  });

  it.each([
    ['by the option', () => testSession({ cart: ['apple'] }, { userId: 'ada' })],
    ['among the entries', () => testSession({ cart: ['apple'], userId: 'ada' })],
  ])('a user is signed in %s', async (_how, make) => {
    const session = make();
    expect(session.userId).toBe('ada');
    expect(session.signedInAt).toBeInstanceOf(Date);
    expect(session.toJSON()).toEqual({ cart: ['apple'] });
    const { id } = session;
    const next = await session.regenerate();
    expect(next.id).not.toBe(id);
    expect([next.userId, next.cart]).toEqual(['ada', ['apple']]);
    await next.confirmSignIn();
    next.cart = ['pear'];
    await next.save();
    expect(await storedCart(next)).toEqual([['pear'], ['pear']]);
  });

  it('signs in, with a new id, and out', async () => {
    const session = testSession({ cart: ['apple'] });
    const { id } = session;
    const signedIn = await session.signIn('ada', { remember: true });
    expect([signedIn.userId, signedIn.cart]).toEqual(['ada', ['apple']]);
    expect(signedIn.id).not.toBe(id);
    expect([signedIn.persist, signedIn.lifetime > 86_400]).toEqual([true, true]);
    await signedIn.signOut();
    expect(() => signedIn.set('cart', [])).toThrow(SessionDestroyedError);
    expect([(await sessionOf(session)).isNew, (await sessionOf(session)).userId]).toEqual([
      true,
      undefined,
    ]);
  });

  it('another user gets a session without its entries', async () => {
    const session = testSession({ cart: ['apple'] }, { userId: 'ada' });
    const next = await session.signIn('grace');
    expect([next.userId, next.cart]).toEqual(['grace', undefined]);
    expect(await sessionOf(next)).toBe(next);
    expect(await sessionOf(session)).toBe(next);
  });

  it('continues without a user after a sign-out, with the entries that it keeps', async () => {
    const session = testSession({ cart: ['apple'], theme: 'dark' }, { userId: 'ada' });
    const next = await session.signOut({ keep: ['theme'] });
    expect([next.userId, next.toJSON()]).toEqual([undefined, { theme: 'dark' }]);
  });

  it('is destroyed', async () => {
    const session = testSession({ cart: ['apple'] });
    await session.destroy();
    expect(() => session.set('cart', [])).toThrow(SessionDestroyedError);
    await expect(session.save()).rejects.toThrow(SessionDestroyedError);
  });

  it('has flash messages, each read once', async () => {
    const session = testSession();
    session.flash('notice', 'saved');
    expect(await session.flash('notice')).toBe('saved');
    expect(await session.flash('notice')).toBeUndefined();
  });

  it('lives as long as its lifetime says', () => {
    const session = testSession({ cart: [] }, { timeout: 60, sessions: new TestSessions() });
    expect(session.expiresAt).toEqual(new Date('2026-01-01T00:01:00Z'));
    session.lifetime = 3600;
    session.persist = true;
    expect([session.lifetime, session.persist]).toEqual([3600, true]);
  });

  it('meets faults', async () => {
    const sessions = new TestSessions();
    const session = testSession({ cart: ['apple'] }, { sessions });
    sessions.store.fail();
    await expect(session.set('cart', ['pear']).save()).rejects.toThrow(SessionStoreError);
    await expect(testSession({}, { sessions }).signIn('ada')).rejects.toThrow(SessionStoreError);
    sessions.store.recover();
    await testSession({ cart: [] }, { sessions }).set('cart', ['pear']).save();
  });

  it('runs out', async () => {
    const sessions = new TestSessions();
    const session = testSession({ cart: ['apple'] }, { userId: 'ada', sessions });
    sessions.clock.pass(1199);
    await session.reload();
    sessions.clock.pass(1199);
    await session.reload();
    sessions.clock.pass(1201);
    await expect(session.reload()).rejects.toThrow(SessionDestroyedError);
  });

  it('two of one user, in one store, are two', async () => {
    const sessions = new TestSessions();
    const make = () => testSession({}, { userId: 'ada', sessions });
    const [phone, desk] = [make(), make()];
    await phone.signOut();
    expect((await desk.regenerate()).userId).toBe('ada');
  });

  it('is read only where it is asked for so', async () => {
    const session = await sessionOf(testSession({ cart: ['apple'] }), { readOnly: true });
    expect(session.cart).toEqual(['apple']);
    expect(() => (session as Session).set('cart', [])).toThrow(/readOnly/);
  });

  it('belongs to a context', async () => {
    const session = testSession({ cart: ['apple'] });
    expect(await sessionOf(testContext(session))).toBe(session);
  });
});
