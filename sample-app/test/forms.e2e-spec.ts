import { describe, expect, it } from '@jest/globals';

import { visitor } from '../../test/support/http-client.js';
import { recordingProxy } from '../../test/support/recording-proxy.js';
import { deviceName } from '../src/account/device-name.js';
import { basketOf, signIn, textOf } from './pages.js';
import { startApp } from './running-app.js';
import { shopOnMemcached } from './shop.js';

describe('forms', () => {
  const shop = shopOnMemcached();
  const leaveNote = (note: string) => shop.ada.post('/basket/note', new URLSearchParams({ note }));

  it('say beside the field what is wrong, and keep what was written', async () => {
    const answer = await leaveNote('x'.repeat(81));
    expect(answer.status).toBe(422);
    expect(answer.body).toContain('That is 81 characters; 80 at most.');
    expect(answer.body).toContain(`value="${'x'.repeat(81)}"`);
    expect(answer.body).toContain('aria-invalid="true"');
    expect(answer.setCookies).toEqual([]);
  });

  it('say once that it is stored', async () => {
    expect((await leaveNote('Ring twice')).status).toBe(303);
    expect(await textOf(shop.ada, '/basket')).toContain('Your note is saved.');
    const { body } = await shop.ada.get('/basket');
    expect(body).not.toContain('Your note is saved.');
    expect(body).toContain('value="Ring twice"');
  });

  it('offer to try again what could not be stored', async () => {
    const wire = await recordingProxy(shop.memcached.port);
    const app = await startApp(wire.server);
    try {
      await shop.ada.post('/basket/bread/add');
      const ada = app.welcomeBack(shop.ada);
      wire.failWrites(true);
      const lost = await ada.post('/basket/note', new URLSearchParams({ note: '<b>' }));
      expect(lost.status).toBe(503);
      expect(lost.body).toContain('<form method="post" action="/basket/note">');
      expect(lost.body).toContain('name="note" value="&lt;b&gt;"');
    } finally {
      await app.stop();
      await wire.close();
    }
  });

  it('send operations to GraphQL, and show the answer', async () => {
    const query = 'mutation { addToBasket(product: "bread") { total } }';
    const { body } = await shop.ada.post('/try-graphql', new URLSearchParams({ query }));
    expect(body).toContain('&quot;total&quot;: 1');
    expect(await basketOf(shop.ada)).toBe(1);
    const wrong = await shop.ada.post('/try-graphql', new URLSearchParams({ query: '{' }));
    expect(wrong.body).toContain('Syntax Error');
  });
});

describe('every page', () => {
  const shop = shopOnMemcached();
  const PATHS = [
    '/',
    '/race',
    '/products',
    '/basket',
    '/members',
    '/try-graphql',
    '/sign-in',
    '/about',
  ];

  it('has no script and no style in itself, and lets none in', async () => {
    await signIn(shop.ada, 'Ada');
    for (const path of PATHS) {
      const { body, headers } = await shop.ada.get(path);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(body).not.toMatch(/<style|style="|<script(?! type="module" src=)|\son\w+="/);
    }
  });

  it('is small: the first one takes less than 50 kB with all that belongs to it', async () => {
    const { body } = await shop.ada.get('/');
    const files = [...body.matchAll(/(?:src|href)="(\/[\w-]+\.(?:js|css|svg))"/g)].map(
      ([, path]) => path!,
    );
    expect(files).toEqual(expect.arrayContaining(['/style.css', '/page.js']));
    const sizes = await Promise.all(
      files.map(async (path) => Buffer.byteLength((await shop.ada.get(path)).body)),
    );
    expect(sizes.reduce((sum, size) => sum + size, Buffer.byteLength(body))).toBeLessThan(50_000);
  });

  it('leads to the inspector, which shows no id', async () => {
    await shop.ada.post('/basket/bread/add');
    const page = await visitor(shop.ada.baseUrl).get('/inspector');
    expect(page.body).toContain('POST /basket/bread/add');
    expect(page.body).not.toContain(shop.ada.cookie.split('=')[1]);
  });
});

describe('devices', () => {
  it.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      'Edge on Linux',
    ],
    ['curl/8.14.1', 'curl'],
    ['', 'An unknown browser'],
  ])('%s', (userAgent, name) => {
    expect(deviceName(userAgent)).toBe(name);
  });
});
