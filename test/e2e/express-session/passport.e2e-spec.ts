import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import passport from 'passport';

import type { Visitor } from '../../support/http-client.js';
import { useBoth, type Visit } from './both.js';
import { CartController, MembersController, PROVIDER, PROVIDERS } from './passport-app.js';
import { startProvider, type Provider } from './provider.js';

const ADA = { username: 'ada', password: 'secret' };
const BOB = { username: 'bob', password: 'secret' };

async function* toTheProvider(visitor: Visitor, back?: (url: URL) => void) {
  const away = await visitor.get('/oauth2');
  yield { status: away.status, headers: {}, body: '' };
  const { headers } = await visitor.get(away.headers.location!);
  const url = new URL(headers.location!);
  back?.(url);
  yield await visitor.get(url.href);
  yield await visitor.get('/who');
  yield await visitor.get('/session');
}

const VISITS: Record<string, [number[], Visit]> = {
  'a stranger': [
    [200, 403, 401, 200],
    async function* (visitor) {
      yield await visitor.get('/who');
      yield await visitor.get('/members');
      yield await visitor.post('/login', { username: 'ada', password: 'wrong' });
      yield await visitor.get('/session');
    },
  ],
  'a sign-in and a sign-out': [
    [201, 200, 200, 200, 201, 200, 403, 200],
    async function* (visitor) {
      yield await visitor.post('/login', ADA);
      yield await visitor.get('/who');
      yield await visitor.get('/members');
      yield await visitor.get('/session');
      yield await visitor.post('/logout');
      yield await visitor.get('/who');
      yield await visitor.get('/members');
      yield await visitor.get('/session');
    },
  ],
  'a sign-in drops the entries': [
    [201, 201, 200],
    async function* (visitor) {
      yield await visitor.post('/cart', { item: 'apple' });
      yield await visitor.post('/login', ADA);
      yield await visitor.get('/session');
    },
  ],
  'a sign-in keeps the entries with keepSessionInfo': [
    [201, 201, 200, 201, 200],
    async function* (visitor) {
      yield await visitor.post('/cart', { item: 'apple' });
      yield await visitor.post('/login-keeping', ADA);
      yield await visitor.get('/session');
      yield await visitor.post('/cart', { item: 'pear' });
      yield await visitor.get('/cart');
    },
  ],
  'a sign-out keeps the entries with keepSessionInfo': [
    [201, 201, 201, 200, 200],
    async function* (visitor) {
      yield await visitor.post('/login', ADA);
      yield await visitor.post('/cart', { item: 'apple' });
      yield await visitor.post('/logout-keeping');
      yield await visitor.get('/session');
      yield await visitor.get('/who');
    },
  ],
  'one user after another': [
    [201, 201, 200, 201, 201],
    async function* (visitor) {
      yield await visitor.post('/login', ADA);
      yield await visitor.post('/login', BOB);
      yield await visitor.get('/members');
      yield await visitor.post('/logout');
      yield await visitor.post('/logout');
    },
  ],
  'OAuth 2 with state and PKCE': [[302, 200, 200, 200], (visitor) => toTheProvider(visitor)],
  'OAuth 2 with a forged state': [
    [302, 401, 200, 200],
    (visitor) => toTheProvider(visitor, (url) => url.searchParams.set('state', 'forged')),
  ],
};

describe('passport, compared with express-session', () => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider();
    PROVIDER.url = provider.url;
  });
  afterAll(() => provider.close());

  const both = useBoth({
    controllers: [MembersController, CartController],
    providers: PROVIDERS,
    prepare(app) {
      app.use(passport.initialize());
      app.use(passport.session());
    },
  });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const [statuses, visit] = VISITS[name]!;
    const { ours, theirs } = await both.answers(visit);
    expect(ours).toEqual(theirs);
    expect(ours.map(({ status }) => status)).toEqual(statuses);
  });

  it('changes the id at a sign-in and at a sign-out', async () => {
    const visitor = both.ours.visitor();
    const sets: string[][] = [];
    sets.push((await visitor.post('/cart', { item: 'apple' })).setCookies);
    sets.push((await visitor.post('/login', ADA)).setCookies);
    sets.push((await visitor.post('/logout-keeping')).setCookies);
    const ids = sets.map(([cookie = '']) => /^SID=([\w-]{43});/.exec(cookie)?.[1]);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(3);
  });
});
