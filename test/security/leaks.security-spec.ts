import { inspect } from 'node:util';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, HttpException, Req } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { unsign } from 'cookie-signature';

import { Session, SessionManager, sessionOf } from '../../src/index.js';
import { newSessionId } from '../../src/session/session-id.js';
import type { HttpResponse } from '../support/http-client.js';
import { LogRecord, PLATFORMS } from '../support/session-app.js';
import {
  AccountController,
  idOf,
  securityWorld,
  type MemcachedSecurityWorld,
} from './security-world.js';

/** Routes of people who log too much. */
@Controller()
class CarelessController {
  static readonly texts: string[] = [];

  @Get('inspected')
  inspected(@Req() request: { headers: { cookie?: string } }, @Session() session: Session) {
    session.mark = 'Ada';
    const whatPeopleLog = [request, session, sessionOf(request), { session }, [session]];
    CarelessController.texts.push(
      ...whatPeopleLog.map((value) => inspect(value, { depth: 12, showHidden: true })),
      ...[JSON.stringify({ session }), JSON.stringify({ ...session })],
      `${Object.keys(session).join()} ${Object.values(session).join()}`,
    );
  }

  @Get('thrown')
  thrown(@Session() session: Session) {
    throw new HttpException({ message: 'no', session }, 418);
  }

  @Get('crash')
  async crash(@Session() session: Session) {
    await session.destroy();
    session.mark = 'too late';
  }
}

describe.each(PLATFORMS)('leaks, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({
      platform,
      controllers: [AccountController, CarelessController],
    });
  });

  afterAll(() => world.close());

  afterEach(async () => {
    world.wire.failWrites(false);
    world.wire.hang(false);
    await world.wire.refuse(false);
  });

  it('A16.2.5: util.inspect and JSON.stringify show no id, except in the received header', async () => {
    const visitor = await world.visitorWith('Ada');
    const { cookie } = visitor;
    CarelessController.texts.splice(0);
    await visitor.get('/inspected');
    expect(CarelessController.texts).toHaveLength(8);
    for (const text of CarelessController.texts) {
      expect(text.replaceAll(cookie, '')).not.toContain(idOf(visitor));
    }
  });

  it('A16.2.5: an exception that carries the session shows no id', async () => {
    const visitor = await world.visitorWith('Ada');
    const { body } = await visitor.get('/thrown');
    expect(JSON.parse(body)).toEqual({ message: 'no', session: { mark: 'Ada' } });
  });

  it('A16.2.5: neither errors nor logs show an id', async () => {
    const visitor = await world.visitorWith('Ada');
    world.wire.failWrites(true);
    const answers = [await visitor.get('/put?value=Bob'), await visitor.get('/login')];
    world.wire.failWrites(false);
    answers.push(await visitor.get('/put?key=__proto__'), await visitor.get('/fill?bytes=2000000'));
    answers.push(await visitor.fork().get('/crash'), await visitor.get('/read'));
    const { errors, warnings } = world.app.logged;
    expect(errors.length).toBeGreaterThanOrEqual(4);
    expect([...errors, ...warnings, ...answers.map(({ body }) => body)].join()).not.toContain(
      idOf(visitor),
    );
  });

  it('A16.4.1: line breaks in a cookie give one line in the log', async () => {
    const { warnings, errors } = world.app.logged;
    const before = warnings.length + errors.length;
    await world.visitor().get('/read', {
      headers: { cookie: 'SID=a%0d%0aERROR forged%0aline; SID=b%0Aforged' },
    });
    const lines = [...warnings, ...errors];
    expect(lines.length).toBe(before + 1);
    expect(lines.join('')).not.toMatch(/[\r\n]|forged/);
  });

  it.each([
    ['does not answer', () => Promise.resolve(world.wire.hang(true))],
    ['is gone', () => world.wire.refuse(true).then(() => world.wire.cut())],
  ])(
    'A16.5.1: while the store %s, routes that use it give a generic 503 in time, and no others',
    async (_what, fail) => {
      const visitor = await world.visitorWith('Ada');
      await fail();
      const start = performance.now();
      const answers = [
        await visitor.get('/read'),
        await visitor.get('/put'),
        await visitor.get('/login'),
      ];
      // Each has half a second, and less of it once the connection is known to be lost.
      expect(performance.now() - start).toBeLessThan(3_000);
      for (const { status, setCookies, body } of answers) {
        expect([status, setCookies]).toEqual([503, []]);
        expect(body).not.toMatch(/memcached|127\.0\.0\.1|ECONN|SessionStoreError|node_modules/);
      }
      const untouched = await visitor.get('/untouched');
      expect([untouched.status, untouched.setCookies]).toEqual([200, []]);
      world.wire.hang(false);
      await world.wire.refuse(false);
      expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada' });
    },
  );

  it('unknown, expired, ended and tampered ids get the same answer', async () => {
    const expired = await world.visitorWith('Ada');
    world.clock.pass(86_401);
    const ended = await world.visitorWith('Bob');
    const cookie = ended.cookie;
    await ended.get('/logout');
    const cookies = [
      `SID=${newSessionId()}`,
      expired.cookie,
      cookie,
      `${cookie.slice(0, -1)}B`,
      'SID=tampered',
    ];
    const answers: HttpResponse[] = [];
    for (const one of cookies) answers.push(await world.sender(one).get('/read'));
    expect(answers.map(withoutDate)).toEqual(answers.map(() => withoutDate(answers[0]!)));
    expect(answers[0]!.body).toBe('{}');
  });
});

function withoutDate({ status, headers, body }: HttpResponse) {
  const { date: _date, ...others } = headers;
  return { status, headers: others, body };
}

describe('secrets', () => {
  it('A11.2.4: are compared in constant time', () => {
    expect(unsign.toString()).toContain('timingSafeEqual');
  });
});

describe('an application without the module', () => {
  @Controller()
  class InjectedController {
    constructor(readonly sessions: SessionManager) {}
  }

  it('gets a clear error where it uses a session, never undefined', async () => {
    const logged = new LogRecord();
    const module = await Test.createTestingModule({ controllers: [AccountController] })
      .setLogger(logged)
      .compile();
    const app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    try {
      const response = await fetch(`${await app.getUrl()}/read`);
      expect(response.status).toBe(500);
      expect(logged.errors.join()).toContain('Import SessionModule.forRoot() in your AppModule');
    } finally {
      await app.close();
    }
  });

  it('does not start where it injects the manager', async () => {
    const starting = Test.createTestingModule({ controllers: [InjectedController] })
      .setLogger(new LogRecord())
      .compile();
    await expect(starting).rejects.toThrow(/SessionManager/);
  });
});

describe('a process with DEBUG=*', () => {
  const { DEBUG } = process.env;

  afterAll(() => {
    if (DEBUG === undefined) delete process.env.DEBUG;
    else process.env.DEBUG = DEBUG;
  });

  it('A16.2.5: prints no id', async () => {
    process.env.DEBUG = '*';
    jest.resetModules();
    const printed: string[] = [];
    const writes = (['stdout', 'stderr'] as const).map((name) =>
      jest.spyOn(process[name], 'write').mockImplementation((chunk) => {
        printed.push(String(chunk));
        return true;
      }),
    );
    const fresh = await import('./security-world.js');
    const world = await fresh.securityWorld();
    try {
      const visitor = await world.visitorWith('Ada');
      for (const path of ['/read', '/login', '/read']) await visitor.get(path);
      expect(printed.join('')).toMatch(/express|router/);
      expect(printed.join('')).not.toContain(idOf(visitor));
    } finally {
      await world.close();
      writes.forEach((write) => write.mockRestore());
    }
  });
});
