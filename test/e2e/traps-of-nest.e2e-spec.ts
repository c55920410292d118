import { inspect } from 'node:util';

import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  HttpException,
  Injectable,
  Req,
  Session as NestSession,
  UseInterceptors,
  ValidationPipe,
  type ExecutionContext,
} from '@nestjs/common';

import { Session, sessionOf } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class OrdinaryController {
  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('write')
  write(@Session() session: Session) {
    session.user = 'Ada';
    return session.toJSON();
  }

  @Get('entry')
  entry(@Session('user') user: string | undefined) {
    return { user };
  }

  @Get('throws')
  throws(@Session() session: Session) {
    throw new HttpException({ message: 'no', session }, 418);
  }

  @Get('inspected')
  async inspected(@Req() request: { headers: { cookie?: string } }, @Session() session: Session) {
    session.user = 'Ada';
    const id = session.id;
    const texts = [request, session, sessionOf(request)].map((value) =>
      inspect(value, { depth: 12, showHidden: true }),
    );
    return texts.map((text) =>
      text
        .split(request.headers.cookie ?? '\0')
        .join('')
        .includes(id),
    );
  }
}

@Controller('mistaken')
class MistakenController {
  @Get()
  mistaken(@NestSession() session: unknown) {
    return { session: typeof session };
  }
}

describe.each(PLATFORMS)("Nest's own traps, on %s", (platform) => {
  let memcached: Memcached;
  let sessions: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    sessions = await startSessionApp({
      platform,
      controllers: [OrdinaryController, MistakenController],
      options: { memcached: memcached.server },
    });
  });

  afterAll(async () => {
    await sessions.close();
    await memcached.stop();
  });

  it("hint at the start at routes that take the @Session() of '@nestjs/common'", () => {
    expect(sessions.logged.warnings).toEqual([
      expect.stringContaining('MistakenController.mistaken takes the @Session()'),
    ]);
  });

  it('show no id in an exception that carries the session', async () => {
    const visitor = sessions.visitor();
    await visitor.get('/write');
    const { status, body } = await visitor.get('/throws');
    expect(status).toBe(418);
    expect(JSON.parse(body)).toEqual({ message: 'no', session: { user: 'Ada' } });
  });

  it('show no id when the request is inspected, beyond the header it came in', async () => {
    const visitor = sessions.visitor();
    expect((await visitor.get('/inspected')).json).toEqual([false, false, false]);
    expect((await visitor.get('/inspected')).json).toEqual([false, false, false]);
  });

  it.each([
    ['with its defaults', {}],
    ['that transforms', { transform: true, whitelist: true }],
  ])(
    'leave the session to the handler behind a global ValidationPipe %s',
    async (_how, options) => {
      const piped = await startSessionApp({
        platform,
        controllers: [OrdinaryController],
        options: { memcached: memcached.server },
        prepare: (app) => app.useGlobalPipes(new ValidationPipe(options)),
      });
      try {
        const visitor = piped.visitor();
        expect((await visitor.get('/write')).json).toEqual({ user: 'Ada' });
        expect((await visitor.get('/entry')).json).toEqual({ user: 'Ada' });
      } finally {
        await piped.close();
      }
    },
  );
});

/** As docs/security.md has it: a page of a session is cached for that session only. */
@Injectable()
class SessionCacheInterceptor extends CacheInterceptor {
  protected override trackBy(context: ExecutionContext): Promise<string | undefined> {
    return sessionOf(context).then((session) => {
      const path = super.trackBy(context) as string | undefined;
      return path === undefined || session.isNew ? undefined : `${session.id}:${path}`;
    });
  }
}

@Controller()
class CachedController {
  static users = 0;
  static pages = 0;

  @Get('sign-in')
  signIn(@Session() session: Session) {
    session.user = `user ${++CachedController.users}`;
  }

  @Get('page')
  @UseInterceptors(SessionCacheInterceptor)
  page(@Session() session: Session) {
    CachedController.pages++;
    return { user: session.user as string };
  }
}

describe.each(PLATFORMS)('a page behind CacheInterceptor, on %s', (platform) => {
  let memcached: Memcached;
  let sessions: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    sessions = await startSessionApp({
      platform,
      imports: [CacheModule.register()],
      controllers: [CachedController],
      options: { memcached: memcached.server },
    });
  });

  afterAll(async () => {
    await sessions.close();
    await memcached.stop();
  });

  it('is the own one of each session, tracked by the session, and cached', async () => {
    const [ada, bob] = [sessions.visitor(), sessions.visitor()];
    await ada.get('/sign-in');
    await bob.get('/sign-in');
    const pages = [await ada.get('/page'), await bob.get('/page')].map(({ json }) => json);
    expect(pages[0]).not.toEqual(pages[1]);
    const made = CachedController.pages;
    expect((await ada.get('/page')).json).toEqual(pages[0]);
    expect((await bob.get('/page')).json).toEqual(pages[1]);
    expect(CachedController.pages).toBe(made);
  });
});
