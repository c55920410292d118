import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  Post,
  RequestMethod,
  VersioningType,
  type INestApplication,
} from '@nestjs/common';

import { Session, SessionManager } from '../../src/index.js';
import { SessionInspectorModule } from '../../src/inspector.js';
import { timelinesDuring } from '../support/inspector-stream.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

const SECRET = 'the-secret-value';
const PATH = '/session-inspector';

@Controller()
class ShopController {
  constructor(private readonly sessions: SessionManager) {}

  @Post('cart')
  add(@Session() session: Session) {
    session.set('cart', [SECRET]);
    session.delete('old');
    session.flash('notice', SECRET);
    return {};
  }

  @Get('cart')
  @Header('Cache-Control', 'public, max-age=60')
  show(@Session() session: Session) {
    return { size: session.size };
  }

  @Post('old')
  old(@Session() session: Session) {
    session.set('old', 1);
  }

  @Post('sign-in')
  async signIn() {
    await this.sessions.signIn(SECRET);
  }

  @Post('twice')
  async twice(@Session() session: Session) {
    session.set('cart', [1]);
    await session.save();
    session.set('cart', [2]);
  }

  @Get('untouched')
  untouched() {
    return '';
  }
}

@Controller()
class NamelessController {
  @Get('nameless')
  @Header('Set-Cookie', `${SECRET}; Path=/`)
  nameless() {
    return '';
  }
}

describe.each(PLATFORMS)('the inspector, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;

  beforeEach(async () => {
    memcached = await startMemcached();
    app = await startSessionApp({
      platform,
      options: { memcached: memcached.server, cookie: { secure: 'auto' } },
      imports: [SessionInspectorModule.forRoot()],
      controllers: [ShopController],
    });
  });

  afterEach(async () => {
    await app.close();
    await memcached.stop();
  });

  const pageOf = async () => (await app.visitor().get(PATH)).body;

  it('streams the timeline of each request when it ends', async () => {
    const ada = app.visitor();
    const work = async () => {
      await ada.post('/old?token=1');
      await ada.post('/cart');
      await ada.get('/cart');
      await ada.get('/untouched');
    };
    const [old, cart, read, untouched] = await timelinesDuring(app.url + PATH, work, 4);
    expect([old, cart, read, untouched].map((one) => [one!.path, one!.roundTrips])).toEqual([
      ...[
        ['/old', 1],
        ['/cart', 2],
        ['/cart', 1],
      ],
      ['/untouched', 0],
    ]);
    expect(cart!.steps.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['find', 'loaded', 'update', 'committed', 'sent']),
    );
    expect(cart!.stored).toEqual([
      { name: 'cart', change: 'new', bytes: JSON.stringify([SECRET]).length },
      { name: 'flash: notice', change: 'new', bytes: JSON.stringify(SECRET).length },
      { name: 'old', change: 'removed', bytes: 0 },
    ]);
    expect(old!.headers).toContainEqual(expect.stringMatching(/^set-cookie: SID=…; Path=\//));
    expect(read!.handle).toBe(old!.handle);
    expect(read!.warnings).toEqual([expect.stringContaining('shared caches')]);
    expect([untouched!.handle, untouched!.stored]).toEqual([undefined, undefined]);
  });

  it('shows requests on its page, without ids, secrets and values, and without its own requests', async () => {
    const ada = app.visitor();
    await ada.post('/cart');
    await ada.post('/sign-in');
    await app.visitor().get('/cart', { headers: { cookie: ada.cookie.replace(/=.../, '=AAA') } });
    await app.visitor().get("/it's");
    await pageOf();
    const page = await pageOf();
    expect(page).toContain('POST /cart');
    expect(page).toContain('signed-in');
    expect(page).toContain('has no session');
    expect(page).toContain('GET /it&#39;s');
    expect(page).not.toContain(SECRET);
    expect(page).not.toContain(ada.cookie.split('=')[1]);
    expect(page).not.toContain('GET /session-inspector');
  });

  it('warns of what is stored more than once, not of what is stored once', async () => {
    const ada = app.visitor();
    await ada.post('/cart');
    const work = async () => {
      await ada.post('/cart');
      await ada.post('/twice');
    };
    const [once, twice] = await timelinesDuring(app.url + PATH, work, 2);
    expect(once!.warnings).toEqual([]);
    expect(twice!.warnings).toEqual([expect.stringMatching(/^Stored more than once/)]);
  });

  it('shows outages', async () => {
    const ada = app.visitor();
    await ada.post('/cart');
    await memcached.kill();
    expect((await ada.post('/cart')).status).toBe(503);
    expect(await pageOf()).toContain('>503</span>');
  });

  it('forbids external resources and caching of its page', async () => {
    const { headers } = await app.visitor().get(PATH);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['cache-control']).toBe('no-store');
    const script = await app.visitor().get(`${PATH}/page.js`);
    expect(script.headers['content-type']).toMatch('text/javascript');
  });
});

describe('an inspector', () => {
  afterEach(() => {
    process.env.NODE_ENV = 'test';
  });

  it('refuses to run in production without inProduction: true', () => {
    process.env.NODE_ENV = 'production';
    expect(() => SessionInspectorModule.forRoot()).toThrow(
      /^inProduction: the inspector is for dev/,
    );
    expect(() => SessionInspectorModule.forRoot({ inProduction: true })).not.toThrow();
  });

  it('refuses unknown options and invalid paths', () => {
    const forRoot = (options: object) => () => SessionInspectorModule.forRoot(options);
    expect(forRoot({ paht: 'x' })).toThrow(/did you mean path/);
    for (const path of ['', 'a b', ':all', 1]) expect(forRoot({ path })).toThrow(/^path: give/);
  });

  const exclude = [{ path: 'session-inspector{/*rest}', method: RequestMethod.ALL }];

  it.each<[string, string, (nest: INestApplication) => void]>([
    ['without a prefix', '/session-inspector', () => undefined],
    ['with a slash at the end', '/session-inspector/', () => undefined],
    ['in upper case', '/Session-Inspector', () => undefined],
    ['with a query', '/session-inspector?a=/', () => undefined],
    ['below a prefix', '/api/session-inspector', (nest) => nest.setGlobalPrefix('api')],
    ['below a parameter', '/shop/session-inspector', (nest) => nest.setGlobalPrefix(':tenant')],
    ['beside a prefix', '/session-inspector', (nest) => nest.setGlobalPrefix('api', { exclude })],
    [
      'beside versions',
      '/session-inspector',
      (nest) => nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    ],
  ])('serves its page and assets %s, and does not show them', async (_where, path, prepare) => {
    const app = await startSessionApp({
      imports: [SessionInspectorModule.forRoot()],
      ...{ controllers: [], prepare },
    });
    try {
      const ask = (url: string) => app.visitor().get(url);
      const { status, body } = await ask(path);
      const assets = [...body.matchAll(/(?:href|src)="([^"]*page\.\w+)"/g)].map(
        ([, asset]) => new URL(asset!, app.url + path).pathname,
      );
      const statuses = await Promise.all(assets.map(async (asset) => (await ask(asset)).status));
      expect([status, statuses]).toEqual([200, [200, 200]]);
      expect((await ask(path)).body).not.toContain('<li value=');
    } finally {
      await app.close();
    }
  });

  it('shows cookies without a name as cookies without a value', async () => {
    const app = await startSessionApp({
      imports: [SessionInspectorModule.forRoot()],
      controllers: [NamelessController],
    });
    try {
      await app.visitor().get('/nameless');
      const page = (await app.visitor().get(PATH)).body;
      expect(page).toContain('set-cookie: …; Path=/');
      expect(page).not.toContain(SECRET);
    } finally {
      await app.close();
    }
  });

  it('closes with the application although its page below a prefix is open', async () => {
    const app = await startSessionApp({
      imports: [SessionInspectorModule.forRoot({ path: '/debug/sessions' })],
      controllers: [ShopController],
      prepare: (nest) => void nest.setGlobalPrefix('api'),
    });
    const { body } = await app.visitor().get('/api/debug/sessions');
    expect(body).toContain('data-live="sessions/live"');
    const stream = await fetch(`${app.url}/api/debug/sessions/live`);
    const ended = stream.text();
    await app.close();
    await ended;
  });
});
