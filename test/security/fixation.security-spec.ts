import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../src/session/session-id.js';
import { storeKeyOf } from '../support/store-key.js';
import { CASES } from './attacked-stores.js';
import { hold, idOf, securityWorldOn, type SecurityWorld } from './security-world.js';

describe.each(CASES)('session fixation, on $platform, $name', ({ platform, startStore }) => {
  let world: SecurityWorld;

  beforeAll(async () => {
    world = await securityWorldOn(startStore, { platform });
  });

  afterAll(() => world.close());

  beforeEach(() => world.store.flush());

  it('CS: a write with an unknown id begins a session under another id, and none under that', async () => {
    const planted = newSessionId();
    const victim = world.sender(`SID=${planted}`);
    await victim.get('/put?value=Ada');
    expect(idOf(victim)).not.toBe(planted);
    const keys = [...(await world.dump()).keys()];
    expect(keys).toEqual([storeKeyOf(idOf(victim))]);
    expect((await world.sender(`SID=${planted}`).get('/read')).body).toBe('{}');
  });

  it('CS: a read with an unknown id sets no cookie and stores nothing', async () => {
    const victim = world.sender(`SID=${newSessionId()}`);
    const operations = await world.operationsOf(async () => {
      expect((await victim.get('/read')).setCookies).toEqual([]);
    });
    expect(operations).toEqual(['find']);
    expect((await world.dump()).size).toBe(0);
  });

  it('A7.2.4: a sign-in gives the session a new id, and the old one is invalid at once', async () => {
    const victim = await world.visitorWith('basket');
    const thief = victim.fork();
    await victim.get('/login');
    expect(idOf(victim)).not.toBe(idOf(thief));
    expect((await thief.get('/read')).body).toBe('{}');
    expect((await victim.get('/read')).json).toEqual({ mark: 'basket', user: 'Ada' });
  });

  it('A7.2.4: a thief who holds the old id learns nothing of the new one by writing', async () => {
    const victim = await world.visitorWith('basket');
    const thief = victim.fork();
    await victim.get('/login');
    await thief.get('/put?value=mine');
    expect(idOf(thief)).not.toBe(idOf(victim));
    expect((await thief.get('/read')).json).toEqual({ mark: 'mine' });
    expect((await victim.get('/read')).json).toEqual({ mark: 'basket', user: 'Ada' });
  });

  it('A7.2.4: 50 requests that hold the session across a sign-in see no later changes, and get no cookie', async () => {
    const victim = await world.visitorWith('basket');
    const thief = victim.fork();
    const held = [];
    for (let n = 0; n < 50; n++) held.push(await hold(thief.fork()));
    await victim.get('/login');
    held.forEach(({ release }) => release());
    const answers = await Promise.all(held.map(({ answer }) => answer));
    expect(answers.map(({ json }) => json)).toEqual(answers.map(() => ({ mark: 'basket' })));
    expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([]);
    expect((await thief.get('/read')).body).toBe('{}');
    expect((await victim.get('/read')).json).toEqual({ mark: 'basket', user: 'Ada', held: 50 });
  });
});
