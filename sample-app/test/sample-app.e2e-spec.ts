import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Visitor } from '../../test/support/http-client.js';
import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import { basketOf, signIn, textOf, visitsOf } from './pages.js';
import { startApp, type RunningApp } from './running-app.js';

describe('with memcached', () => {
  let memcached: Memcached;
  let app: RunningApp;
  let ada: Visitor;

  beforeEach(async () => {
    memcached = await startMemcached();
    app = await startApp(memcached.server);
    ada = app.newVisitor();
  });

  afterEach(async () => {
    await app.stop();
    await memcached.stop();
  });

  it("counts each visitor's visits", async () => {
    expect([await visitsOf(ada), await visitsOf(ada), await visitsOf(ada)]).toEqual([1, 2, 3]);
    expect(await visitsOf(app.newVisitor())).toBe(1);
  });

  it('gives a new id at sign-in, and the old one has no session', async () => {
    await visitsOf(ada);
    const thief = ada.fork();

    const response = await signIn(ada, 'Ada');

    expect([response.status, response.headers.location]).toEqual([303, '/members']);
    expect(ada.cookie).toMatch(/^SID=/);
    expect(ada.cookie).not.toBe(thief.cookie);
    expect(await textOf(ada, '/')).toContain('signed in as Ada');
    expect(await visitsOf(ada)).toBe(3);
    expect(await textOf(thief, '/')).toContain('not signed in');
    expect(await visitsOf(thief)).toBe(2);
  });

  it('shows names as text', async () => {
    await signIn(ada, '<b>Ada</b>');
    expect((await ada.get('/members')).body).toContain('&lt;b&gt;Ada&lt;/b&gt;');
  });

  it.each(['', '   ', 'a'.repeat(41)])('signs no user in as %j', async (name) => {
    const response = await signIn(ada, name);
    expect(response.status).toBe(400);
    expect(response.body).toContain('Give a name of 1 to 40 characters.');
    expect(response.setCookies).toEqual([]);
  });

  it('shows the members page to members only', async () => {
    const refused = await ada.get('/members');
    expect([refused.status, refused.headers.location]).toEqual([303, '/sign-in']);
    expect(refused.setCookies).toEqual([]);

    await signIn(ada, 'Ada');
    expect(await textOf(ada, '/members')).toContain('Welcome, Ada');
  });

  it('remembers on a device who asks for it: only then the cookie outlives the browser', async () => {
    const cookieOf = async (remember: object) =>
      (await app.newVisitor().post('/sign-in', new URLSearchParams({ name: 'Ada', ...remember })))
        .setCookies;
    expect(await cookieOf({})).toEqual([expect.not.stringContaining('Max-Age')]);
    expect(await cookieOf({ remember: 'on' })).toEqual([expect.stringContaining('Max-Age=')]);
  });

  it('greets once, after the sign-in', async () => {
    await signIn(ada, 'Ada');
    expect(await textOf(ada, '/members')).toContain('Welcome, Ada.');
    expect(await textOf(ada, '/members')).not.toContain('Welcome');
  });

  it('shows where one is signed in, and ends one of them or all others', async () => {
    const others = [app.newVisitor(), app.newVisitor(), app.newVisitor()];
    for (const visitor of [ada, ...others]) await signIn(visitor, 'Ada');
    const { body } = await ada.get('/members');
    const [, action] = /action="([^"]+\/end)"/.exec(body) ?? [];

    await ada.post(action!);
    expect(await textOf(ada, '/members')).toContain('That session is ended.');
    await ada.post('/members/sessions/end-others');
    expect(await textOf(ada, '/members')).toContain('2 other sessions are ended.');

    for (const other of others) expect((await other.get('/members')).status).toBe(303);
    expect(await textOf(ada, '/members')).toContain('this session');
  });

  it('carries nothing over when another user signs in', async () => {
    await signIn(ada, 'Ada');
    await ada.post('/basket/bread/add');
    await signIn(ada, 'Bob');
    expect(await textOf(ada, '/members')).toContain('Welcome, Bob.');
    expect(await basketOf(ada)).toBe(0);
  });

  it('ends the session at sign-out', async () => {
    await signIn(ada, 'Ada');
    await ada.post('/basket/bread/add');
    const otherTab = ada.fork();

    const response = await ada.post('/sign-out');

    expect([response.status, response.headers.location]).toEqual([303, '/']);
    expect(ada.cookie).toBe('');
    expect((await otherTab.get('/members')).status).toBe(303);
    expect(await basketOf(otherTab)).toBe(0);
  });

  it('loses none of 20 clicks at once', async () => {
    await visitsOf(ada);
    const clicks = Array.from({ length: 20 }, () => ada.post('/basket/honey/add'));
    const answers = await Promise.all(clicks);

    expect(answers.map(({ status }) => status)).toEqual(Array<number>(20).fill(303));
    expect(await basketOf(ada)).toBe(20);
  });

  it('loses none of the clicks that two apps serve at once', async () => {
    const otherApp = await startApp(memcached.server);
    try {
      await visitsOf(ada);
      const there = otherApp.welcomeBack(ada);
      await Promise.all(
        Array.from({ length: 20 }, (_, click) =>
          (click % 2 === 0 ? ada : there).post('/basket/honey/add'),
        ),
      );
      expect(await basketOf(ada)).toBe(20);
    } finally {
      await otherApp.stop();
    }
  });

  it('takes one or all out of the basket', async () => {
    for (const product of ['bread', 'bread', 'coffee']) await ada.post(`/basket/${product}/add`);
    await ada.post('/basket/bread/remove');
    expect(await basketOf(ada)).toBe(2);

    await ada.post('/basket/empty');
    expect(await basketOf(ada)).toBe(0);
  });

  it('takes from an empty basket without storing anything', async () => {
    const response = await ada.post('/basket/bread/remove');
    expect([response.status, response.setCookies]).toEqual([303, []]);
  });

  it('knows no other products', async () => {
    const response = await ada.post('/basket/constructor/add');
    expect([response.status, response.setCookies]).toEqual([404, []]);
  });

  it('changes nothing by GET', async () => {
    expect((await ada.get('/basket/bread/add')).status).toBe(404);
    expect((await ada.get('/sign-out')).status).toBe(404);
  });

  it('still knows its visitors after a restart', async () => {
    await visitsOf(ada);
    await signIn(ada, 'Ada');
    await app.stop();

    app = await startApp(memcached.server);

    const back = app.welcomeBack(ada);
    expect(await visitsOf(back)).toBe(2);
    expect(await textOf(back, '/members')).toContain('Welcome, Ada');
  });

  describe('the footer', () => {
    it('says that a first page costs one round trip and gives an id', async () => {
      const text = await textOf(ada, '/');
      expect(text).toContain('1 round trip to memcached: 1 to store it.');
      expect(text).toContain('You got a new session id');
    });

    it('says that a page that changes the session costs two', async () => {
      await ada.get('/');
      const text = await textOf(ada, '/');
      expect(text).toContain(
        '2 round trips to memcached: 1 to read your session and renew its life, 1 to store it.',
      );
      expect(text).toContain('Your session id is the one your cookie sent.');
      expect(text).toContain(`Your entries take ${'{"visits":2}'.length} bytes`);
    });

    it('says that a page that reads costs one', async () => {
      await ada.get('/');
      expect(await textOf(ada, '/basket')).toContain('1 round trip to memcached: 1 to read');
    });

    it('says that who writes nothing costs nothing', async () => {
      const response = await ada.get('/basket');
      expect(response.body).toContain('no round trip');
      expect(response.body).toContain('You have no session');
      expect(response.setCookies).toEqual([]);
    });

    it('agrees with memcached', async () => {
      await ada.get('/');
      const before = await memcached.stats();
      await ada.get('/');
      const after = await memcached.stats();
      const grown = (name: string) => Number(after[name]) - Number(before[name]);
      expect([grown('cmd_touch'), grown('cas_hits')]).toEqual([1, 1]);
    });
  });

  describe('to its operators', () => {
    it('counts what happened to sessions, for Prometheus', async () => {
      await visitsOf(ada);
      await visitsOf(ada);
      const { body, headers } = await ada.get('/metrics');
      expect(headers['content-type']).toMatch(/^text\/plain/);
      expect(body).toContain('session_events_total{event="committed"} 2\n');
      expect(body).toContain(`session_server_up{server="${memcached.server}"} 1\n`);
    });

    it('reports whether it is healthy', async () => {
      expect((await ada.get('/health')).json).toMatchObject({ status: 'ok' });
      await memcached.kill();
      for (let n = 0; n < 10; n++) await ada.get('/');
      expect((await ada.get('/health')).status).toBe(503);
      expect((await ada.get('/metrics')).body).toContain(`{server="${memcached.server}"} 0\n`);
    });
  });

  describe('when memcached is gone', () => {
    beforeEach(async () => {
      await ada.get('/');
      await memcached.kill();
    });

    it('shows a page that says so, and leaves the cookie alone', async () => {
      for (const path of ['/', '/basket', '/members']) {
        const response = await ada.get(path);
        expect(response.status).toBe(503);
        expect(response.headers['retry-after']).toBe('5');
        expect(response.body).toContain('We cannot reach the session store');
        expect(response.setCookies).toEqual([]);
      }
    });

    it('confirms no click', async () => {
      const response = await ada.post('/basket/bread/add');
      expect([response.status, response.setCookies]).toEqual([503, []]);
    });

    it('gives newcomers no id that is not stored', async () => {
      const response = await app.newVisitor().get('/');
      expect([response.status, response.setCookies]).toEqual([503, []]);
    });

    it('still shows pages that do without a session', async () => {
      expect((await ada.get('/about')).status).toBe(200);
    });

    it('continues when it is back', async () => {
      expect((await ada.get('/')).status).toBe(503);
      memcached = await startMemcached({ port: memcached.port });
      expect(await visitsOf(ada)).toBe(1);
    });
  });
});

describe('without memcached', () => {
  let app: RunningApp;

  beforeEach(async () => {
    app = await startApp();
  });

  afterEach(() => app.stop());

  it('keeps sessions in memory, and says so', async () => {
    const ada = app.newVisitor();
    expect([await visitsOf(ada), await visitsOf(ada)]).toEqual([1, 2]);
    await signIn(ada, 'Ada');
    expect(await textOf(ada, '/members')).toContain('No server: sessions are in the memory');
  });

  it('forgets them with the process', async () => {
    const ada = app.newVisitor();
    await visitsOf(ada);
    await app.stop();

    app = await startApp();
    expect(await visitsOf(app.welcomeBack(ada))).toBe(1);
  });
});
