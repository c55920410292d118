import { setTimeout as delay } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseGuards, type ExecutionContext } from '@nestjs/common';

import { Session, SessionManager, sessionOf } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

class UsesSession {
  async canActivate(context: ExecutionContext) {
    await sessionOf(context);
    return true;
  }
}

class LooksOnly {
  async canActivate(context: ExecutionContext) {
    const { name } = await sessionOf(context, { touch: false });
    return name !== undefined;
  }
}

@Controller()
class PagesController {
  constructor(private readonly sessions: SessionManager) {}

  @Post('sign-in')
  async signIn(@Session() session: Session) {
    session.set('name', 'Ada');
    await session.signIn('7');
  }

  @Get('poll')
  poll(@Session({ touch: false }) session: Session) {
    return { name: session.name ?? null, expiresAt: session.expiresAt };
  }

  @Get('poll-by-manager')
  async pollByManager() {
    const session = await this.sessions.peek({ touch: false });
    return { name: session?.name ?? null, expiresAt: session?.expiresAt ?? null };
  }

  @Get('poll-read-only')
  pollReadOnly(@Session({ touch: false, readOnly: true }) session: Session) {
    return { name: session.name ?? null, expiresAt: session.expiresAt };
  }

  @UseGuards(LooksOnly)
  @Get('poll-by-guard')
  pollByGuard(@Session({ touch: false }) session: Session) {
    return { name: session.name ?? null, expiresAt: session.expiresAt };
  }

  @UseGuards(UsesSession)
  @Get('used-by-guard')
  usedByGuard(@Session({ touch: false }) session: Session) {
    return { name: session.name ?? null };
  }

  @Get('use')
  use(@Session() session: Session) {
    return { expiresAt: session.expiresAt };
  }

  @Post('write')
  write(@Session({ touch: false }) session: Session) {
    session.set('name', 'Zoe');
  }
}

describe.each(PLATFORMS)('a session that is read without renewal, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: wire.server, timeout: 60, rotateEvery: 1, cookie: { persistent: true } },
    controllers: [PagesController],
  }));

  const lines = () => wire.commands.map(({ line }) => line.replace(/sess:\S+/, 'KEY'));

  async function ada() {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    await visitor.get('/poll');
    wire.reset();
    return visitor;
  }

  beforeEach(() => wire.reset());

  it.each(['/poll', '/poll-by-manager', '/poll-read-only', '/poll-by-guard'])(
    'needs one command, reports when it ends, and gets neither a new id nor a cookie: %s',
    async (path) => {
      const visitor = await ada();
      const { expiresAt } = (await visitor.get('/poll')).json as { expiresAt: string };
      wire.reset();
      await delay(2100);
      const { json, setCookies } = await visitor.get(path);
      expect(json.name).toBe('Ada');
      expect(Math.abs(Date.parse(json.expiresAt as string) - Date.parse(expiresAt))).toBeLessThan(
        1500,
      );
      expect(setCookies).toEqual([]);
      expect(lines()).toEqual(['mg KEY k c v t']);
    },
  );

  it.each(['/used-by-guard', '/write'])('is renewed if it is also used: %s', async (path) => {
    const visitor = await ada();
    await delay(2100);
    await visitor.request(path, { method: path === '/write' ? 'POST' : 'GET' });
    const { expiresAt } = (await visitor.get('/poll')).json as { expiresAt: string };
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(58_000);
  });
});
