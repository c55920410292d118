import { describe, expect, it } from '@jest/globals';
import {
  Catch,
  Controller,
  Get,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';

import { Session, SessionStoreError } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

interface AnyResponse {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: unknown): void;
}

@Catch(SessionStoreError)
class OutagePage implements ExceptionFilter {
  catch(_error: SessionStoreError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<AnyResponse>();
    response.status(503).header('Retry-After', '5').send('back in a moment');
  }
}

@Controller()
@UseFilters(OutagePage)
class OutageController {
  @Get('write')
  write(@Session() session: Session) {
    session.name = 'Ada';
  }

  @Get('all')
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('save')
  async save(@Session() session: Session) {
    session.name = 'Bob';
    await session.save();
  }

  @Get('login')
  async login(@Session() session: Session) {
    session.user = 'Ada';
    await session.regenerate().catch(() => undefined);
    return 'signed in';
  }

  @Get('logout')
  async logout(@Session() session: Session) {
    await session.destroy().catch(() => undefined);
    return 'signed out';
  }
}

describe.each(PLATFORMS)('an application with a page for outages, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);

  const app = useSessionApp(() => {
    const options = { memcached: wire.server };
    return { platform, options, controllers: [OutageController] };
  });

  async function duringAnOutage(path: string) {
    const visitor = app.visitor();
    await visitor.get('/write');
    wire.failWrites(true);
    const response = await visitor.get(path);
    wire.failWrites(false);
    return { response, after: (await visitor.get('/all')).json as unknown };
  }

  it('shows it when save() fails, and sends no cookie', async () => {
    const { response, after } = await duringAnOutage('/save');
    expect([response.status, response.body]).toEqual([503, 'back in a moment']);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.setCookies).toEqual([]);
    expect(after).toEqual({ name: 'Ada' });
  });

  it.each(['/login', '/logout'])(
    'cannot confirm %s that failed, although it caught the error',
    async (path) => {
      const { response, after } = await duringAnOutage(path);
      expect(response.status).toBe(503);
      expect(response.body).not.toContain('signed');
      expect(response.setCookies).toEqual([]);
      expect(after).toEqual({ name: 'Ada' });
    },
  );
});
