import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { requestSession, type RequestSessionObject } from '../../../src/express-session.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';

interface WithSession {
  session?: RequestSessionObject | null | undefined;
}

const UNSETS: Record<string, (request: WithSession) => void> = {
  null: (request) => (request.session = null),
  undefined: (request) => (request.session = undefined),
  delete: (request) => delete request.session,
};

@Controller()
class AppController {
  @Get('show')
  show(@Req() { session }: WithSession) {
    return { ...session, cookie: undefined };
  }

  @Get('untouched')
  untouched() {
    return 'hello';
  }

  @Post('enter')
  enter(@Req() { session }: WithSession) {
    session!.user = 'ada';
  }

  @Post('unset/:how')
  unset(@Req() request: WithSession, @Param('how') how: string) {
    UNSETS[how]!(request);
    return typeof request.session;
  }

  @Post('change-and-unset/:how')
  change(@Req() request: WithSession, @Param('how') how: string) {
    request.session!.user = 'bob';
    request.session!.cookie.maxAge = 60_000;
    UNSETS[how]!(request);
  }

  @Post('hide')
  hide(@Req() request: WithSession) {
    const { session } = request;
    request.session = null;
    request.session = session;
    request.session!.user = 'eve';
  }

  @Post('reload')
  async reload(@Req() request: WithSession) {
    request.session!.cookie.maxAge = 60_000;
    await request.session!.reload();
    return request.session!.cookie;
  }
}

const HOWS = Object.keys(UNSETS);

describe.each(PLATFORMS.flatMap((platform) => HOWS.map((how) => [platform, how] as const)))(
  'request.session that is unset, on %s, by %s',
  (platform, how) => {
    const memcached = useMemcached();
    const wire = useRecordingProxy(memcached);
    const apps = (['keep', 'destroy'] as const).map((unset) =>
      useSessionApp(() => ({
        platform,
        controllers: [AppController],
        options: { memcached: wire.server },
        prepare(one) {
          if (platform === 'express') one.use(requestSession({ unset }));
          else void (one as NestFastifyApplication).register(requestSession({ unset }));
        },
      })),
    );
    const [keeping, destroying] = apps as [(typeof apps)[0], (typeof apps)[0]];

    async function entered(app: typeof keeping) {
      const visitor = app.visitor();
      await visitor.post('/enter');
      return visitor;
    }

    it('drops the changes of the request, and keeps the stored session', async () => {
      const visitor = await entered(keeping);
      for (const path of ['unset', 'change-and-unset']) {
        expect((await visitor.post(`/${path}/${how}`)).setCookies).toEqual([]);
        expect((await visitor.get('/show')).json).toEqual({ user: 'ada' });
      }
    });

    it.each(['unset', 'change-and-unset'])(
      "destroys the session with unset: 'destroy': %s",
      async (path) => {
        const visitor = await entered(destroying);
        const { cookie } = visitor;
        const { setCookies } = await visitor.post(`/${path}/${how}`);
        expect(setCookies.join()).toMatch(/^SID=;/);
        expect((await visitor.get('/show', { headers: { cookie } })).json).toEqual({});
      },
    );

    it('is a 503 in an outage, if it should destroy the session', async () => {
      const visitor = await entered(destroying);
      await wire.refuse(true);
      wire.cut();
      expect((await visitor.post(`/unset/${how}`)).status).toBe(503);
      expect((await visitor.get('/untouched')).status).toBe(200);
      await wire.refuse(false);
    });
  },
);

describe.each(PLATFORMS)('request.session, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [AppController],
    prepare: (one) => one.use(requestSession({ unset: 'destroy' })),
  }));

  it('is stored if it was hidden for a while only', async () => {
    const visitor = app.visitor();
    await visitor.post('/enter');
    await visitor.post('/hide');
    expect((await visitor.get('/show')).json).toEqual({ user: 'eve' });
  });

  it('drops a life that was not saved when it is reloaded', async () => {
    const visitor = app.visitor();
    await visitor.post('/enter');
    const { json, setCookies } = await visitor.post('/reload');
    expect([json.originalMaxAge, setCookies]).toEqual([null, []]);
  });
});

describe('the prototype of request.session', () => {
  const reached: unknown[] = [];

  @Controller()
  class MergingController {
    /** As a careless merge of what a visitor has sent. */
    @Post('merge')
    merge(@Req() request: { session: Record<string, any> }) {
      for (const object of [request.session, request.session.cookie]) {
        for (const name of ['__proto__', 'constructor']) {
          try {
            object[name].admin = true;
            object[name].save = 'none';
          } catch (error) {
            reached.push(error);
          }
        }
      }
    }

    @Get('keys')
    keys(@Req() { session }: { session: Record<string, any> }) {
      const keys: string[] = [];
      for (const key in session) keys.push(key);
      return { keys, has: 'admin' in session, cookie: 'admin' in session.cookie };
    }
  }

  const app = useSessionApp(() => ({
    controllers: [MergingController],
    prepare: (one) => one.use(requestSession()),
  }));

  it('cannot be changed for other requests', async () => {
    await app.visitor().post('/merge');
    expect(reached).toHaveLength(4);
    expect((await app.visitor().get('/keys')).json).toEqual({
      ...{ keys: ['cookie'], has: false, cookie: false },
    });
  });
});
