import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Catch, Controller, UseFilters, type ExceptionFilter, type Type } from '@nestjs/common';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { firstValueFrom, of } from 'rxjs';

import { Session, SessionManager, type SessionError } from '../../src/index.js';
import { freePort } from '../support/server-process.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

/** Answers with what was thrown. */
@Catch()
class ThrownFilter implements ExceptionFilter {
  catch({ code, message }: SessionError) {
    return of({ code, message });
  }
}

@Controller()
@UseFilters(ThrownFilter)
class MessageController {
  @MessagePattern('session')
  takesSession(@Session() session: Session) {
    return `took ${typeof session}`;
  }

  @MessagePattern('entry')
  takesEntry(@Session('user') user: unknown) {
    return `took ${typeof user}`;
  }
}

@Controller()
@UseFilters(ThrownFilter)
class ScopedMessageController {
  constructor(readonly sessions: SessionManager) {}

  @MessagePattern('manager')
  takesManager() {
    return `took ${typeof this.sessions}`;
  }
}

describe('messages of a microservice', () => {
  let app: SessionApp;
  let client: ClientProxy;

  beforeAll(async () => {
    const port = await freePort();
    const tcp = { transport: Transport.TCP, options: { host: '127.0.0.1', port } } as const;
    app = await startSessionApp({
      controllers: [MessageController, ScopedMessageController] as Type[],
      prepare: (nest) =>
        nest.connectMicroservice<MicroserviceOptions>(tcp, { inheritAppConfig: false }),
    });
    await app.app.startAllMicroservices();
    client = ClientProxyFactory.create(tcp);
  });

  afterAll(async () => {
    await client.close();
    await app.close();
  });

  it.each(['session', 'entry'])(
    'throw a clear error for a session, not undefined: %s',
    async (what) => {
      expect(await firstValueFrom(client.send(what, {}))).toEqual({
        code: 'SESSION_NO_HTTP',
        message: expect.stringContaining('what they need from the session in their message'),
      });
    },
  );

  it('throw the same error for a SessionManager', async () => {
    const answer = await firstValueFrom(client.send('manager', {})).catch(
      (error: unknown) => error,
    );
    expect(JSON.stringify(answer)).not.toContain('took');
    expect(app.logged.errors.join() + JSON.stringify(answer)).toMatch(/no HTTP request|SESSION_NO/);
  });
});
