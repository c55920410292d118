import { describe, expect, it } from '@jest/globals';
import {
  ForbiddenException,
  Injectable,
  SetMetadata,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { firstValueFrom, of, tap } from 'rxjs';

import { CrossSiteGuard, FreshSessionGuard, sessionOf } from '../../src/index.js';
import { testContext, testSession, TestSessions } from '../../src/testing.js';

@Injectable()
class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const places = [context.getHandler(), context.getClass()];
    const role = this.reflector.getAllAndOverride<string | undefined>('role', places);
    const session = await sessionOf(context);
    return role === undefined || session.get('role') === role;
  }
}

class CountingInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    const session = await sessionOf(context.switchToHttp().getRequest<object>());
    return next.handle().pipe(
      tap(() => {
        session.increment('answers');
        context.switchToHttp().getResponse().setHeader('X-Counted', 'yes');
      }),
    );
  }
}

@SetMetadata('role', 'admin')
class AdminController {
  @SetMetadata('role', 'owner')
  remove(this: void): void {
    // A guard decides whether it is called.
  }

  list(this: void): void {
    // The same.
  }
}

describe('testContext()', () => {
  it.each([
    ['nothing', {}, true],
    ['a handler', { handler: AdminController.prototype.remove }, false],
    ['a class', { class: AdminController }, true],
    ['both', { handler: AdminController.prototype.list, class: AdminController }, true],
  ])('lets a guard read the metadata of %s', async (_what, options, passes) => {
    const guard = new RoleGuard(new Reflector());
    const context = testContext(testSession({ role: 'admin' }), options);
    expect(await guard.canActivate(context)).toBe(passes);
  });

  it('lets an interceptor read the request, and write the response', async () => {
    const session = testSession();
    const context = testContext(session);
    const answers = await new CountingInterceptor().intercept(context, { handle: () => of(1) });
    expect(await firstValueFrom(answers)).toBe(1);
    expect(session.get('answers')).toBe(1);
    expect(context.switchToHttp().getResponse().getHeader('x-counted')).toBe('yes');
  });

  it('has the request that it is given, completed', async () => {
    const request = { method: 'POST', params: { id: '7' } };
    const response = {};
    const context = testContext(testSession(), { request, response });
    const http = context.switchToHttp();
    expect(http.getRequest()).toBe(request);
    expect(http.getRequest()).toMatchObject({ method: 'POST', url: '/', headers: {} });
    expect(http.getResponse()).toBe(response);
    expect(context.getArgs().slice(0, 2)).toEqual([request, response]);
    expect([context.getType(), context.getArgByIndex(0)]).toEqual(['http', request]);
    expect(http.getNext()()).toBeUndefined();
    await expect(sessionOf(request)).resolves.toBeDefined();
  });

  it('has one as Fastify makes it', async () => {
    const session = testSession();
    const context = testContext(session, { request: { raw: { headers: {} } } });
    expect(await sessionOf(context)).toBe(session);
    expect(await sessionOf(context.switchToHttp().getRequest<{ raw: object }>().raw)).toBe(session);
  });

  it('without a session its visitor has none', async () => {
    expect((await sessionOf(testContext())).isNew).toBe(true);
  });

  it('keeps to its visitor, who signs in', async () => {
    const session = testSession({}, { userId: 'ada' });
    const context = testContext(session);
    const next = await session.signIn('grace');
    expect(await sessionOf(context)).toBe(next);
    expect(await sessionOf(testContext(next))).toBe(next);
  });

  it('needs a session of the kit', () => {
    expect(() => testContext({})).toThrow(/pass one that testSession\(\) has made/);
  });

  it("serves the package's own guards", async () => {
    const post = { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } };
    const guard = new CrossSiteGuard();
    expect(() => guard.canActivate(testContext(testSession(), { request: post }))).toThrow(
      ForbiddenException,
    );
    expect(guard.canActivate(testContext())).toBe(true);

    const { clock } = new TestSessions();
    const modules = { get: () => clock.now } as never;
    const fresh = new FreshSessionGuard(modules, new Reflector());
    await expect(fresh.canActivate(testContext())).rejects.toThrow(ForbiddenException);
  });
});
