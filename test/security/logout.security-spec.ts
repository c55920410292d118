import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { CASES } from './attacked-stores.js';
import { hold, idOf, securityWorldOn, type SecurityWorld } from './security-world.js';

describe.each(CASES)('a sign-out, on $platform, $name', ({ platform, startStore }) => {
  let world: SecurityWorld;

  beforeAll(async () => {
    world = await securityWorldOn(startStore, {
      platform,
      options: {
        rotateEvery: 600,
        cookie: { domain: 'example.org', path: '/', partitioned: true, sameSite: 'none' },
      },
    });
  });

  afterAll(() => world.close());

  beforeEach(() => world.store.flush());

  afterEach(async () => {
    await world.store.failWrites(false);
    world.store.wire.hang(false);
    await world.store.wire.refuse(false);
  });

  it('A7.4.1: leaves a cookie that is sent again without a session', async () => {
    const visitor = await world.visitorWith('Ada');
    const { cookie } = visitor;
    await visitor.get('/logout');
    expect((await world.sender(cookie).get('/read')).body).toBe('{}');
    expect((await world.dump()).size).toBe(0);
  });

  it('A7.4.1: clears the cookie with its name and attributes', async () => {
    const visitor = world.visitor();
    const [set] = (await visitor.get('/put')).setCookies;
    const [cleared] = (await visitor.get('/logout')).setCookies;
    const attributes = (line = '') => line.split('; ').slice(1);
    expect(cleared).toMatch(/^SID=; Max-Age=0; /);
    expect(cleared).toContain('Expires=Thu, 01 Jan 1970');
    expect(attributes(cleared)).toEqual(expect.arrayContaining(attributes(set)));
    expect(visitor.cookie).toBe('');
  });

  it.each([
    ['refuses its writes', () => world.store.failWrites(true)],
    ['does not answer', () => Promise.resolve(world.store.wire.hang(true))],
    ['is gone', () => world.store.wire.refuse(true).then(() => world.store.wire.cut())],
  ])('A16.5.3: gives a 503, not success, while the store %s', async (_what, fail) => {
    const visitor = await world.visitorWith('Ada');
    await fail();
    const { status, setCookies, body } = await visitor.get('/logout');
    expect([status, setCookies]).toEqual([503, []]);
    expect(body).not.toContain('signed out');
  });

  const held = async () => {
    const visitor = await world.visitorWith('Ada');
    return { visitor, request: await hold(visitor.fork()) };
  };

  it('CVE-2025-46336: is not undone by a late write of a request that read the session', async () => {
    const { visitor, request } = await held();
    const { cookie } = visitor;
    await visitor.get('/logout');
    request.release();
    const { setCookies } = await request.answer;
    expect(setCookies).toEqual([]);
    expect((await world.sender(cookie).get('/read')).body).toBe('{}');
    expect((await world.dump()).size).toBe(0);
  });

  it('CVE-2025-46336: is not undone by one that read it under an id from before a sign-in', async () => {
    const { visitor, request } = await held();
    await visitor.get('/login');
    const { cookie } = visitor;
    await visitor.get('/logout');
    request.release();
    expect((await request.answer).setCookies).toEqual([]);
    expect((await world.sender(cookie).get('/read')).body).toBe('{}');
  });

  it('CVE-2025-46336: is not undone by one that read it under an id that was rotated on schedule', async () => {
    const { visitor, request } = await held();
    const before = idOf(visitor);
    world.clock.pass(601);
    await visitor.get('/count');
    const { cookie } = visitor;
    expect(idOf(visitor)).not.toBe(before);
    await visitor.get('/logout');
    request.release();
    expect((await request.answer).setCookies).toEqual([]);
    for (const one of [cookie, `SID=${before}`]) {
      expect((await world.sender(one).get('/read')).body).toBe('{}');
    }
  });

  it('CVE-2025-46336: is not undone by one that comes with the id from before a rotation', async () => {
    const visitor = await world.visitorWith('Ada');
    const late = visitor.fork();
    world.clock.pass(601);
    await visitor.get('/count');
    await visitor.get('/logout');
    const { json, setCookies } = await late.get('/count');
    expect(json).toEqual({ visits: 1 }); // a session of its own
    expect(setCookies).toHaveLength(1);
    expect((await visitor.get('/read')).body).toBe('{}');
  });
});
