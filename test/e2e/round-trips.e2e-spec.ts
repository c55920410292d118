import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Redirect } from '@nestjs/common';

import { Session, SessionManager } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class PagesController {
  @Get('untouched')
  untouched() {
    return 'no session here';
  }

  @Get('read')
  read(@Session() session: Session) {
    return { name: (session.name as string | undefined) ?? null };
  }

  @Get('write')
  write(@Session() session: Session) {
    session.name = 'Ada';
    return { name: session.name as string };
  }

  @Get('rename')
  rename(@Session() session: Session) {
    session.name = 'Zoe';
  }

  @Get('object')
  object(@Session('cart') cart: string[] | undefined) {
    return { cart: cart ?? null };
  }

  @Get('fill')
  @Redirect('/object')
  fill(@Session() session: Session) {
    session.cart = ['apples'];
  }
}

@Controller('manager')
class ManagerController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('ignored')
  ignored() {
    return 'injected and not used';
  }

  @Get('destroy')
  async destroy() {
    await this.sessions.destroy();
    return 'bye';
  }
}

describe.each(PLATFORMS)('round trips to memcached, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);

  const commands = () => wire.commands.map(({ name }) => name);

  const app = useSessionApp(() => {
    const options = { memcached: wire.server };
    return {
      platform,
      options,
      controllers: [PagesController, ManagerController],
    };
  });

  beforeEach(() => wire.reset());

  async function knownVisitor() {
    const visitor = app.visitor();
    await visitor.get('/write');
    wire.reset();
    return visitor;
  }

  it('are 0 for a route that ignores its session', async () => {
    const visitor = await knownVisitor();
    expect((await visitor.get('/untouched')).status).toBe(200);
    expect((await visitor.get('/manager/ignored')).status).toBe(200);
    expect(commands()).toEqual([]);
  });

  it('are 0 for a new visitor who writes nothing, without cookie and record', async () => {
    const response = await app.visitor().get('/read');
    expect(response.json).toEqual({ name: null });
    expect(response.setCookies).toEqual([]);
    expect(commands()).toEqual([]);
  });

  it('are 0 for a cookie that cannot be an id', async () => {
    const visitor = app.visitor();
    for (const value of [
      'x',
      'A'.repeat(43) + 'B',
      'B'.repeat(43),
      's:abc.def',
      'j:{}',
      '%0d%0a',
    ]) {
      visitor.cookie = `SID=${value}`;
      await visitor.get('/read');
    }
    expect(commands()).toEqual([]);
  });

  it('are one to read, which also renews', async () => {
    const visitor = await knownVisitor();
    expect((await visitor.get('/read')).json).toEqual({ name: 'Ada' });
    expect(wire.commands.map(({ line }) => line)).toEqual([
      expect.stringMatching(/^mg sess:[\w-]{43} k c v T1201$/),
    ]);
  });

  it('are one to read an object that is not changed', async () => {
    const visitor = app.visitor();
    await visitor.get('/fill');
    wire.reset();
    expect((await visitor.get('/object')).json).toEqual({ cart: ['apples'] });
    expect(commands()).toEqual(['mg']);
  });

  it('are two to write', async () => {
    const visitor = await knownVisitor();
    await visitor.get('/rename');
    expect(commands()).toEqual(['mg', 'cas']);
  });

  it('are one to write an unchanged value', async () => {
    const visitor = await knownVisitor();
    await visitor.get('/write');
    expect(commands()).toEqual(['mg']);
  });

  it('are one for a new session', async () => {
    await app.visitor().get('/write');
    expect(commands()).toEqual(['add']);
  });

  it('are two to destroy', async () => {
    const visitor = await knownVisitor();
    await visitor.get('/manager/destroy');
    // The last command has no answer to wait for; it is on its way when others are served.
    for (let i = 0; i < 50 && wire.commands.length < 3; i++) await visitor.get('/untouched');
    const lines = wire.commands.map(({ line }) =>
      line.replace(/sess:\S+/, 'KEY').replace(/ \d+$/, ' VERSION'),
    );
    expect(lines).toEqual(['mg KEY k c v T1201', 'cas KEY 0 -1 0 VERSION']);
  });
});
