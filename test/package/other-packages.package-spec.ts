import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { visitor } from '../support/http-client.js';
import { PLATFORMS } from '../support/session-app.js';
import { Consumer, type Served } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { guideExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const TIMEOUT = 300_000;

const main = `
import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ApiCookieAuth } from '@nestjs/swagger';
import { ThrottlerModule } from '@nestjs/throttler';
import { ClsModule } from 'nestjs-cls';
import { Session, SessionModule } from 'nestjs-session-manager';
import { describeApi } from './api-document.js';
import { SessionThrottlerGuard } from './session-throttler.guard.js';
import { UserThrottlerGuard } from './user-throttler.guard.js';
import { WhoService } from './who.service.js';

@ApiCookieAuth()
@Controller()
class MeController {
  constructor(private readonly who: WhoService) {}

  @Post('login')
  async signIn(@Session() session: Session) {
    await session.signIn('7');
  }

  @Get('me')
  async me() {
    return { userId: (await this.who.userId()) ?? null };
  }

  @UseGuards(SessionThrottlerGuard)
  @Get('limited-by-session')
  limitedBySession() {
    return {};
  }

  @Post('cart')
  fill(@Session() session: Session) {
    session.set('cart', ['apple']);
  }

  @UseGuards(UserThrottlerGuard)
  @Get('limited')
  limited() {
    return {};
  }
}

@Module({
  imports: [
    SessionModule.forRoot(),
    ClsModule.forRoot({ global: true, middleware: { mount: true } }),
    ThrottlerModule.forRoot([{ ttl: 600_000, limit: 2 }]),
  ],
  controllers: [MeController],
  providers: [WhoService],
})
class AppModule {}

const app =
  process.env.PLATFORM === 'fastify'
    ? await NestFactory.create(AppModule, new FastifyAdapter())
    : await NestFactory.create(AppModule);
describeApi(app);
await app.listen(Number(process.env.PORT), '127.0.0.1');
`;

describe('the recipes for other packages, as their page has them', () => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    const page = 'with-other-packages';
    consumer = await Consumer.install({
      ...{
        nest: 12,
        type: 'module',
        archive: packed.archive,
        more: ['swagger', 'platform-fastify'],
      },
      tools: ['nestjs-cls@7', '@nestjs/throttler@6', '@fastify/static@10'],
      sources: {
        'main.ts': main,
        'who.service.ts': await guideExample(page, 'cls'),
        'user-throttler.guard.ts': await guideExample(page, 'throttler'),
        'session-throttler.guard.ts': await guideExample(page, 'session-throttler'),
        'api-document.ts': await guideExample(page, 'swagger'),
      },
    });
    await consumer.compile();
  }, TIMEOUT);

  afterAll(async () => {
    await consumer?.remove();
    await packed.remove();
  });

  describe.each(PLATFORMS)('on %s', (platform) => {
    let server: Served;

    beforeAll(async () => {
      server = await consumer.start({ PLATFORM: platform });
    }, TIMEOUT);

    afterAll(() => server?.stop());

    it('nestjs-cls: a service knows the user who is signed in', async () => {
      const ada = visitor(server.url);
      expect((await ada.get('/me')).json).toEqual({ userId: null });
      await ada.post('/login');
      expect((await ada.get('/me')).json).toEqual({ userId: '7' });
    });

    const statuses = async (somebody: ReturnType<typeof visitor>, path = '/limited') => {
      const found: number[] = [];
      for (let n = 0; n < 3; n++) found.push((await somebody.get(path)).status);
      return found;
    };

    it('throttler: a session is limited by itself, and new ones together', async () => {
      const path = '/limited-by-session';
      for (const way of ['/cart', '/cart', '/login']) {
        const somebody = visitor(server.url);
        await somebody.post(way);
        expect(await statuses(somebody, path)).toEqual([200, 200, 429]);
      }
      expect(await statuses(visitor(server.url), path)).toEqual([200, 200, 429]);
      // Without its cookie, a client is no better off.
      expect(await statuses(visitor(server.url), path)).toEqual([429, 429, 429]);
    });

    it('throttler: a user is limited apart from the address', async () => {
      expect(await statuses(visitor(server.url))).toEqual([200, 200, 429]);
      const ada = visitor(server.url);
      await ada.post('/login');
      expect(await statuses(ada)).toEqual([200, 200, 429]);
    });

    it('swagger: the document names the cookie', async () => {
      const { json } = await visitor(server.url).get('/api-json');
      const cookie = { type: 'apiKey', in: 'cookie', name: 'SID' };
      expect(json.components.securitySchemes).toEqual({ cookie });
      expect(json.paths['/me'].get.security).toEqual([{ cookie: [] }]);
    });
  });
});
