import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';

import { Session, SessionDestroyedError, SessionManager, sessionOf } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

/** Where slow requests wait, after they read their session. */
let gate: Gate;

@Injectable()
class ExpellingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context);
    await session.destroy();
    throw new ForbiddenException();
  }
}

@Controller()
class EntriesController {
  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('write')
  write(@Session() session: Session) {
    session.written = true;
  }

  @Get('slow-write')
  async slowWrite(@Session() session: Session) {
    session.before = 'early';
    await gate.pass();
    session.slow = true;
    return { sees: session.toJSON() };
  }

  @Get('slow-read')
  async slowRead(@Session() session: Session) {
    const { before } = session;
    await gate.pass();
    return { before: before as unknown, sees: session.toJSON() };
  }

  @Get('slow-save')
  async slowSave(@Session() session: Session) {
    await gate.pass();
    session.slow = true;
    return session.save().then(
      () => 'saved',
      (error: unknown) => (error instanceof SessionDestroyedError ? error.code : 'another error'),
    );
  }

  @Get('slow-regenerate')
  async slowRegenerate(@Session() session: Session) {
    await gate.pass();
    await session.regenerate();
    session.slow = true;
    return { sees: session.toJSON() };
  }

  @Get('expelled')
  @UseGuards(ExpellingGuard)
  expelled() {
    return 'never';
  }
}

@Controller('sessions')
class SessionsController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('login')
  async login() {
    const session = await this.sessions.regenerate();
    session.user = 'Ada';
    return { isNew: session.isNew };
  }

  @Get('keep-cart')
  async keepCart() {
    await this.sessions.regenerate({ keep: ['cart'] });
  }

  @Get('keep-nothing')
  async keepNothing() {
    await this.sessions.regenerate({ keep: false });
  }

  @Get('create')
  async create() {
    const old = await this.sessions.current();
    const session = await this.sessions.create();
    session.created = true;
    return { same: old === session };
  }

  @Get('logout')
  async logout() {
    await this.sessions.destroy();
    return 'bye';
  }

  @Get('logout-then-write')
  async logoutThenWrite() {
    const session = await this.sessions.current();
    await this.sessions.destroy();
    try {
      session.late = true;
    } catch (error) {
      return (error as SessionDestroyedError).code;
    }
    return 'no error';
  }

  @Get('logout-and-flash')
  async logoutAndFlash() {
    await this.sessions.destroy();
    (await this.sessions.current()).notice = 'You are signed out';
  }

  @Get('fill')
  async fill() {
    const session = await this.sessions.current();
    session.cart = ['apples'];
    session.theme = 'dark';
  }
}

describe.each(PLATFORMS)('sessions that end or get a new id, on %s', (platform) => {
  const memcached = useMemcached();

  const app = useSessionApp(() => {
    const options = { memcached: memcached.server };
    const controllers = [EntriesController, SessionsController];
    return { platform, options, controllers };
  });

  beforeEach(() => {
    gate = new Gate();
  });

  async function knownVisitor() {
    const visitor = app.visitor();
    await visitor.get('/write');
    return visitor;
  }

  /** How many records are in memcached. */
  const items = async () => (await memcached.keys()).length;
  const cleared =
    /^SID=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax$/;

  describe('destroy', () => {
    it('removes the record and clears the cookie', async () => {
      await memcached.flush();
      const visitor = await knownVisitor();
      expect(await items()).toBe(1);
      const thief = visitor.fork();
      const { setCookies } = await visitor.get('/sessions/logout');
      expect(setCookies).toEqual([expect.stringMatching(cleared)]);
      expect(visitor.cookie).toBe('');
      expect(await items()).toBe(0);
      const replay = await thief.get('/');
      expect([replay.json, replay.setCookies]).toEqual([{}, []]);
    });

    it('sends no cookie to a client that had none', async () => {
      expect((await app.visitor().get('/sessions/logout')).setCookies).toEqual([]);
    });

    it('by a guard that throws is done, and the cookie is cleared', async () => {
      const visitor = await knownVisitor();
      const thief = visitor.fork();
      const response = await visitor.get('/expelled');
      expect(response.status).toBe(403);
      expect(response.setCookies).toEqual([expect.stringMatching(cleared)]);
      expect((await thief.get('/')).json).toEqual({});
    });

    it('makes the object refuse later writes', async () => {
      const visitor = await knownVisitor();
      expect((await visitor.get('/sessions/logout-then-write')).body).toBe('SESSION_DESTROYED');
    });

    it('lets a later write begin a new session', async () => {
      const visitor = await knownVisitor();
      const before = visitor.cookie;
      await visitor.get('/sessions/logout-and-flash');
      expect(visitor.cookie).not.toBe(before);
      expect((await visitor.get('/')).json).toEqual({ notice: 'You are signed out' });
    });

    it.each(['/slow-write', '/slow-read', '/slow-save'])(
      'is final: %s that began before does not write it back, nor send a cookie',
      async (path) => {
        await memcached.flush();
        const visitor = await knownVisitor();
        const thief = visitor.fork();
        const slow = thief.get(path);
        await gate.reached;
        await visitor.get('/sessions/logout');
        gate.release();
        const { status, setCookies } = await slow;
        expect([status, setCookies]).toEqual([200, []]);
        expect((await thief.get('/')).json).toEqual({});
        expect(await items()).toBe(0);
      },
    );

    it('fails the save() of a slow request', async () => {
      const visitor = await knownVisitor();
      const slow = visitor.fork().get('/slow-save');
      await gate.reached;
      await visitor.get('/sessions/logout');
      gate.release();
      expect((await slow).body).toBe('SESSION_DESTROYED');
    });

    it('is final: a slow request cannot regenerate the session', async () => {
      await memcached.flush();
      const visitor = await knownVisitor();
      const slow = visitor.fork().get('/slow-regenerate');
      await gate.reached;
      await visitor.get('/sessions/logout');
      gate.release();
      expect((await slow).setCookies).toEqual([]);
      expect(await items()).toBe(0);
    });

    it('ends the session although another request gave it a new id meanwhile', async () => {
      await memcached.flush();
      const visitor = await knownVisitor();
      const slow = visitor.fork().get('/slow-write');
      await gate.reached;
      const beforeLogin = visitor.fork();
      await visitor.get('/sessions/login');
      gate.release();
      await slow;
      await visitor.get('/sessions/logout');
      expect((await visitor.get('/')).json).toEqual({});
      expect((await beforeLogin.get('/')).json).toEqual({});
    });
  });

  describe('regenerate', () => {
    it('keeps the entries under a new id; the old one is invalid at once', async () => {
      const visitor = await knownVisitor();
      const old = visitor.fork();
      const response = await visitor.get('/sessions/login');
      expect(response.json).toEqual({ isNew: false });
      expect(visitor.cookie).not.toBe(old.cookie);
      expect((await visitor.get('/')).json).toEqual({ written: true, user: 'Ada' });
      const stranger = await old.get('/');
      expect([stranger.json, stranger.setCookies]).toEqual([{}, []]);
    });

    it('keeps the entries that are named, or none', async () => {
      const visitor = app.visitor();
      await visitor.get('/sessions/fill');
      await visitor.get('/sessions/keep-cart');
      expect((await visitor.get('/')).json).toEqual({ cart: ['apples'] });
      await visitor.get('/sessions/keep-nothing');
      expect((await visitor.get('/')).json).toEqual({});
    });

    it('keeps the writes of requests in flight, and does not send them the new id', async () => {
      const visitor = await knownVisitor();
      const slow = Array.from({ length: 10 }, () => visitor.fork().get('/slow-write'));
      await gate.reached;
      await visitor.get('/sessions/login');
      gate.release();
      for (const { setCookies, json } of await Promise.all(slow)) {
        expect(setCookies).toEqual([]);
        expect(json).toEqual({ sees: { written: true, before: 'early', slow: true } });
      }
      expect((await visitor.get('/')).json).toEqual({
        ...{ written: true, user: 'Ada' },
        ...{ before: 'early', slow: true },
      });
    });

    it('by a second request in flight gives it a branch', async () => {
      const visitor = await knownVisitor();
      const other = visitor.fork();
      const slow = other.get('/slow-regenerate');
      await gate.reached;
      await visitor.get('/sessions/login');
      gate.release();
      const { status, setCookies } = await slow;
      expect([status, setCookies.length]).toEqual([200, 1]);
      expect(other.cookie).not.toBe(visitor.cookie);
      expect((await visitor.get('/')).json).toEqual({ written: true, user: 'Ada' });
      expect((await other.get('/')).json).toEqual({ written: true, slow: true });
    });

    it('does not sign a visitor in to a session whose id an attacker planted and regenerated', async () => {
      const attacker = await knownVisitor();
      const victim = attacker.fork();
      const signingIn = victim.get('/slow-regenerate');
      await gate.reached;
      await attacker.get('/sessions/login');
      gate.release();
      expect((await signingIn).status).toBe(200);
      expect(victim.cookie).not.toBe(attacker.cookie);
      expect((await attacker.get('/')).json).not.toHaveProperty('slow');
    });

    it('gives a new visitor one cookie', async () => {
      const visitor = app.visitor();
      const { setCookies } = await visitor.get('/sessions/login');
      expect(setCookies).toHaveLength(1);
      expect((await visitor.get('/')).json).toEqual({ user: 'Ada' });
    });
  });

  describe('create', () => {
    it('replaces the session, which is destroyed', async () => {
      const visitor = await knownVisitor();
      const old = visitor.fork();
      expect((await visitor.get('/sessions/create')).json).toEqual({ same: false });
      expect((await visitor.get('/')).json).toEqual({ created: true });
      expect((await old.get('/')).json).toEqual({});
    });
  });

  describe('an id that the store does not know', () => {
    const planted = `SID=${'A'.repeat(43)}`;

    it('is never adopted', async () => {
      await memcached.flush();
      const visitor = app.visitor();
      visitor.cookie = planted;
      const { setCookies } = await visitor.get('/write');
      expect(setCookies).toEqual([expect.stringMatching(/^SID=[\w-]{43};/)]);
      expect(visitor.cookie).not.toBe(planted);
      expect(await items()).toBe(1);
    });

    it('changes nothing without a write', async () => {
      await memcached.flush();
      const response = await app.visitor().get('/', { headers: { cookie: planted } });
      expect([response.json, response.setCookies]).toEqual([{}, []]);
      expect(await items()).toBe(0);
    });
  });
});
