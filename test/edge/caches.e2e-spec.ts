import type { ServerResponse } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  Injectable,
  Res,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';

import { Session, sessionOf } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

interface AnyResponse {
  readonly raw?: ServerResponse;
  header(name: string, value: string): this;
  send(body: unknown): unknown;
}

const rawOf = (response: AnyResponse) => response.raw ?? (response as unknown as ServerResponse);

@Injectable()
class ReadingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await sessionOf(context, { readOnly: true });
    return true;
  }
}

/** Each says of its own by what its response varies. */
@Controller('vary')
class VaryController {
  @Get('nothing')
  nothing(@Session({ readOnly: true }) session: Session) {
    return session.toJSON();
  }

  @Get('decorated')
  @Header('Vary', 'Accept-Language')
  decorated(@Session({ readOnly: true }) session: Session) {
    return session.toJSON();
  }

  @Get('guarded')
  @UseGuards(ReadingGuard)
  @Header('Vary', 'Accept-Language')
  @Header('Cache-Control', 'public, max-age=60')
  guarded() {
    return 'a page';
  }

  @Get('passthrough')
  passthrough(
    @Session({ readOnly: true }) session: Session,
    @Res({ passthrough: true }) response: AnyResponse,
  ) {
    response.header('Vary', 'Accept-Language');
    return session.toJSON();
  }

  @Get('sent')
  sent(@Session({ readOnly: true }) session: Session, @Res() response: AnyResponse) {
    response.header('Vary', 'Accept-Language').send(session.toJSON());
  }

  @Get('raw')
  raw(@Session({ readOnly: true }) _session: Session, @Res() response: AnyResponse) {
    rawOf(response).setHeader('vary', 'Accept-Language');
    rawOf(response).end('a page');
  }

  @Get('write-head')
  writeHead(@Session({ readOnly: true }) _session: Session, @Res() response: AnyResponse) {
    rawOf(response).writeHead(200, { Vary: 'Accept-Language' }).end('a page');
  }

  @Get('written')
  @Header('Vary', 'Accept-Language')
  written(@Session() session: Session) {
    session.mark = 'written';
  }

  @Get('unused')
  @Header('Vary', 'Accept-Language')
  unused() {
    return 'a page for all visitors';
  }
}

const FOR_EVERYBODY = {
  'Cache-Control': 'public, max-age=3600',
  Expires: 'Fri, 01 Jan 2100 00:00:00 GMT',
  'CDN-Cache-Control': 'max-age=3600',
  'Surrogate-Control': 'max-age=3600',
};

/** Each handler lets shared caches store its response. */
@Controller('cacheable')
class CacheableController {
  @Get('returned')
  @Header('Cache-Control', FOR_EVERYBODY['Cache-Control'])
  @Header('Expires', FOR_EVERYBODY.Expires)
  @Header('CDN-Cache-Control', FOR_EVERYBODY['CDN-Cache-Control'])
  @Header('Surrogate-Control', FOR_EVERYBODY['Surrogate-Control'])
  returned(@Session() session: Session) {
    session.mark ??= 'written';
    return 'a page';
  }

  @Get('write-head')
  writeHead(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark ??= 'written';
    rawOf(response).writeHead(200, FOR_EVERYBODY).end('a page');
  }

  @Get('not-modified')
  notModified(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark ??= 'written';
    rawOf(response)
      .writeHead(304, { ...FOR_EVERYBODY, ETag: '"1"' })
      .end();
  }

  @Get('signed-in')
  @Header('Cache-Control', FOR_EVERYBODY['Cache-Control'])
  async signedIn(@Session() session: Session) {
    await session.signIn('ada');
    return 'a page';
  }
}

describe.each(PLATFORMS)('a cache in front of %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let byHeader: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    const controllers = [VaryController, CacheableController];
    const options = { memcached: memcached.server, cookie: { secure: false } };
    const prepare: Parameters<typeof startSessionApp>[0]['prepare'] = (nest) =>
      nest.enableCors({ origin: ['https://a.example'], credentials: true });
    app = await startSessionApp({ platform, controllers, options, prepare });
    const transport = ['cookie' as const, { header: 'x-session-id' }];
    byHeader = await startSessionApp({ platform, controllers, options: { ...options, transport } });
  });

  afterAll(async () => {
    await app.close();
    await byHeader.close();
    await memcached.stop();
  });

  const names = (vary: string | undefined) => (vary ?? '').split(/\s*,\s*/).sort();

  describe('gets the right Vary', () => {
    it.each(['decorated', 'guarded', 'passthrough', 'sent', 'raw', 'write-head', 'written'])(
      'for the route %s',
      async (route) => {
        const [one, other] = [app, byHeader].map((each) => each.visitor().get(`/vary/${route}`));
        expect(names((await one!).headers.vary)).toEqual(
          expect.arrayContaining(['Accept-Language', 'Cookie']),
        );
        expect(names((await other!).headers.vary)).toEqual([
          'Accept-Language',
          'Cookie',
          'x-session-id',
        ]);
      },
    );

    it('beside CORS', async () => {
      const headers = { origin: 'https://a.example' };
      const response = await app.visitor().get('/vary/nothing', { headers });
      expect(names(response.headers.vary)).toEqual(['Cookie', 'Origin']);
    });

    it("without the session's headers if the session was not used", async () => {
      const { headers } = await byHeader.visitor().get('/vary/unused');
      expect(headers.vary).toBe('Accept-Language');
    });
  });

  describe('never keeps a response that sends an id', () => {
    const kinds = [
      { method: 'GET', route: 'returned' },
      { method: 'HEAD', route: 'returned' },
      { method: 'GET', route: 'returned', more: { 'if-none-match': '*' } },
      { method: 'GET', route: 'write-head' },
      { method: 'HEAD', route: 'write-head' },
      { method: 'GET', route: 'not-modified' },
      { method: 'GET', route: 'signed-in' },
      { method: 'HEAD', route: 'signed-in' },
    ];

    it.each(kinds)('$method $route $more', async ({ method, route, more }) => {
      const init = { method, headers: { ...more } };
      const response = await app.visitor().request(`/cacheable/${route}`, init);
      expect(response.setCookies).toEqual([expect.stringMatching(/^SID=/)]);
      expect(response.headers['cache-control']).toBe('no-store');
      for (const name of ['expires', 'cdn-cache-control', 'surrogate-control']) {
        expect(response.headers).not.toHaveProperty(name);
      }
    });

    it.each(kinds)('by a header: $method $route $more', async ({ method, route, more }) => {
      const headers = { 'x-session-id': '', ...more };
      const response = await byHeader.visitor().request(`/cacheable/${route}`, { method, headers });
      expect(response.headers['x-session-id']).toMatch(/./);
      expect(response.headers['cache-control']).toBe('no-store');
    });

    it("keeps the application's headers of a response without an id", async () => {
      const visitor = app.visitor();
      await visitor.get('/cacheable/returned');
      const response = await visitor.get('/cacheable/returned');
      expect(response.setCookies).toEqual([]);
      expect(response.headers).toMatchObject({
        'cache-control': FOR_EVERYBODY['Cache-Control'],
        expires: FOR_EVERYBODY.Expires,
        'cdn-cache-control': FOR_EVERYBODY['CDN-Cache-Control'],
        'surrogate-control': FOR_EVERYBODY['Surrogate-Control'],
      });
    });
  });
});
