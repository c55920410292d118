import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  Injectable,
  UseInterceptors,
  type ExecutionContext,
} from '@nestjs/common';

import { Session, sessionOf } from '../../src/index.js';
import { PLATFORMS } from '../support/session-app.js';
import { AccountController, securityWorld, type MemcachedSecurityWorld } from './security-world.js';

/** As docs/security.md has it: a page of a session is cached for that session only. */
@Injectable()
class SessionCacheInterceptor extends CacheInterceptor {
  protected override async trackBy(context: ExecutionContext): Promise<string | undefined> {
    const url = super.trackBy(context) as string | undefined;
    const session = await sessionOf(context);
    return url === undefined || session.isNew ? undefined : `${session.id}:${url}`;
  }
}

@Controller()
class PagesController {
  made = 0;

  @Get('with-headers')
  @Header('Cache-Control', 'private, max-age=60')
  @Header('Vary', 'Accept-Language')
  withHeaders(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('varies-by-all')
  @Header('Vary', '*')
  variesByAll(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('varies-by-cookie')
  @Header('Vary', 'Accept, COOKIE')
  variesByCookie(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('tracked')
  @UseInterceptors(SessionCacheInterceptor)
  tracked(@Session() session: Session) {
    this.made++;
    return { page: session.mark as string };
  }

  @Get('made')
  madeSoFar() {
    return { made: this.made };
  }
}

describe.each(PLATFORMS)('caches, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({
      platform,
      controllers: [AccountController, PagesController],
      imports: [CacheModule.register()],
    });
  });

  afterAll(() => world.close());

  it.each(['/read', '/put', '/count', '/login', '/logout'])(
    'A14.3.2, CVE-2026-27205: store no response of a route that used its session: %s',
    async (path) => {
      const visitor = await world.visitorWith('Ada');
      const { headers } = await visitor.get(path);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers.vary).toBe('Cookie');
    },
  );

  it('A14.3.2: store no response to an unknown id either', async () => {
    const { headers } = await world.visitor().get('/read');
    expect([headers['cache-control'], headers.vary]).toEqual(['no-store', 'Cookie']);
  });

  it('A14.3.2: get no instructions from a route that ignores its session', async () => {
    const { headers } = await (await world.visitorWith('Ada')).get('/untouched');
    expect([headers['cache-control'], headers.vary]).toEqual([undefined, undefined]);
  });

  it.each([
    ['/with-headers', 'private, max-age=60', 'Accept-Language, Cookie'],
    ['/varies-by-all', 'no-store', '*'],
    ['/varies-by-cookie', 'no-store', 'Accept, COOKIE'],
  ])("A14.3.2: get the application's own instructions: %s", async (path, control, vary) => {
    const { headers } = await (await world.visitorWith('Ada')).get(path);
    expect([headers['cache-control'], headers.vary]).toEqual([control, vary]);
  });

  it("A14.2.2: give no visitor another one's page by a CacheInterceptor that tracks by the session", async () => {
    const [ada, bob] = [await world.visitorWith('Ada'), await world.visitorWith('Bob')];
    const made = async () => ((await ada.get('/made')).json as { made: number }).made;
    const pages = async () => [(await ada.get('/tracked')).json, (await bob.get('/tracked')).json];
    expect(await pages()).toEqual([{ page: 'Ada' }, { page: 'Bob' }]);
    const before = await made();
    expect(await pages()).toEqual([{ page: 'Ada' }, { page: 'Bob' }]);
    expect(await made()).toBe(before);
    const stranger = (await world.visitor().get('/tracked')).json as { page?: string };
    expect(stranger.page).toBeUndefined();
  });
});
