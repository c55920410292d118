import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Query,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';

import { Session, sessionOf } from '../../src/index.js';
import { PLATFORMS } from '../support/session-app.js';
import { AccountController, securityWorld, type MemcachedSecurityWorld } from './security-world.js';

@Injectable()
class BanningGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await (await sessionOf(context)).destroy();
    throw new ForbiddenException('banned');
  }
}

@Controller()
class RacingController {
  @Get('update')
  update(@Session() session: Session, @Query('item') item: string) {
    session.update('items', (old: unknown) => [...((old as string[] | undefined) ?? []), item]);
  }

  @Get('banned')
  @UseGuards(BanningGuard)
  banned() {
    return 'never';
  }
}

describe.each(PLATFORMS)('parallel requests, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({ platform, controllers: [AccountController, RacingController] });
  });

  afterAll(() => world.close());

  afterEach(() => {
    world.wire.failWrites(false);
    world.wire.delayReplies(0);
  });

  it('A15.4.2: writes to different entries are all stored, in two processes', async () => {
    const visitor = await world.visitorWith('Ada');
    const other = (await world.another()).visitor();
    other.cookie = visitor.cookie;
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        [visitor, other][n % 2]!.get(`/put?key=k${n}&value=${n}`),
      ),
    );
    const all = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, String(n)]));
    expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada', ...all });
  });

  it('A15.4.2: increments and updates of one entry lose nothing, in two processes', async () => {
    const visitor = await world.visitorWith('Ada');
    const other = (await world.another()).visitor();
    other.cookie = visitor.cookie;
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        [visitor, other][n % 2]!.get(n % 3 ? '/count' : `/update?item=${n}`),
      ),
    );
    const { visits, items } = (await visitor.get('/read')).json as Record<string, unknown>;
    expect(visits).toBe(40);
    const expected = Array.from({ length: 20 }, (_, n) => String(n * 3));
    expect((items as string[]).sort()).toEqual(expected.sort());
  });

  it('A16.5.3: a slow store holds the response until the session is stored', async () => {
    world.wire.delayReplies(100);
    const visitor = world.visitor();
    const start = performance.now();
    await visitor.get('/put?value=slow');
    // A reply may come a few milliseconds early by another clock.
    expect(performance.now() - start).toBeGreaterThan(90);
    expect((await visitor.get('/read')).json).toEqual({ mark: 'slow' });
  });

  it('A16.5.3: a failed write is a 503 without a cookie', async () => {
    world.wire.failWrites(true);
    const { status, setCookies, body } = await world.visitor().get('/put?value=lost');
    expect([status, setCookies]).toEqual([503, []]);
    expect(body).not.toContain('lost');
  });

  it('A16.5.3: a session that a guard destroys before it throws is destroyed, and its cookie cleared', async () => {
    const visitor = await world.visitorWith('Ada');
    const thief = visitor.fork();
    const { status, setCookies } = await visitor.get('/banned');
    expect(status).toBe(403);
    expect(setCookies).toEqual([expect.stringMatching(/^SID=; Max-Age=0; /)]);
    expect((await thief.get('/read')).body).toBe('{}');
  });
});
