import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Session as NestSession, ValidationPipe } from '@nestjs/common';

import { Session } from '../../src/index.js';
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
}

/** A type of its own name is nothing that a pipe could take for a class. */
type AppSession = Session;

@Controller()
class NamedTypeController {
  @Get('write')
  write(@Session() session: AppSession) {
    session.user = 'Ada';
    return session.toJSON();
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

  it("cause a warning at start for routes with the @Session() of '@nestjs/common'", () => {
    expect(sessions.logged.warnings).toEqual([
      expect.stringContaining('MistakenController.mistaken uses the @Session()'),
    ]);
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

  it('leave the session unchanged behind a pipe that validates custom parameters, if its type has another name', async () => {
    const piped = await startSessionApp({
      platform,
      controllers: [NamedTypeController],
      options: { memcached: memcached.server },
      prepare: (app) =>
        app.useGlobalPipes(new ValidationPipe({ transform: true, validateCustomDecorators: true })),
    });
    try {
      expect((await piped.visitor().get('/write')).json).toEqual({ user: 'Ada' });
    } finally {
      await piped.close();
    }
  });
});
