import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import {
  Args,
  Context,
  GqlExecutionContext,
  Int,
  Mutation,
  Query,
  Resolver,
} from '@nestjs/graphql';

import { Session, sessionOf, SessionManager } from '../../src/index.js';
import { newSessionId } from '../../src/session/session-id.js';
import { GRAPHQL_STACKS, operate } from '../support/graphql-apps.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context);
    const again = await sessionOf(GqlExecutionContext.create(context));
    return session === again && session.has('user');
  }
}

@Resolver()
class SessionResolver {
  @Query(() => Int, { nullable: true })
  visits(@Session('visits') visits: number | undefined) {
    return visits;
  }

  @Query(() => String)
  untouched() {
    return 'nothing of a session';
  }

  @Query(() => Boolean)
  async sameByContext(@Session() session: Session, @Context() context: object) {
    return session === (await sessionOf(context));
  }

  @Query(() => String)
  @UseGuards(SignedInGuard)
  account(@Session('user') user: string) {
    return user;
  }

  @Query(() => Int)
  async counted(@Session() session: Session, @Args('by', { type: () => Int }) by: number) {
    await new Promise((resolve) => setImmediate(resolve));
    return session.increment('counted', by);
  }

  @Mutation(() => Int)
  visit(@Session() session: Session) {
    return session.increment('visits');
  }

  @Mutation(() => Boolean)
  async signIn(@Session() session: Session, @Args('name') name: string) {
    await session.regenerate();
    session.user = name;
    return true;
  }

  @Mutation(() => Boolean)
  async signOut(@Session() session: Session) {
    await session.destroy();
    return true;
  }
}

/** Of each request its own. */
@Resolver()
class ScopedResolver {
  constructor(private readonly sessions: SessionManager) {}

  @Query(() => Boolean)
  async sameByManager(@Session() session: Session) {
    return session === (await this.sessions.current());
  }
}

describe.each(GRAPHQL_STACKS)(
  'sessions in resolvers, with $name',
  ({ platform, graphql, statusOfFailure }) => {
    const memcached = useMemcached();
    const wire = useRecordingProxy(memcached);

    const app = useSessionApp(() => ({
      platform,
      options: { memcached: wire.server },
      imports: [graphql()],
      controllers: [],
      providers: [SessionResolver, ScopedResolver, SignedInGuard] as Type[],
    }));

    async function commandsOf(work: () => Promise<unknown>): Promise<number> {
      wire.reset();
      await work();
      return wire.commands.length;
    }

    it('are stored by mutations before their answer, and found by queries', async () => {
      const visitor = app.visitor();
      const first = await operate(visitor, 'mutation { visit }');
      expect(first).toMatchObject({ data: { visit: 1 }, errors: undefined });
      expect(first.setCookies).toEqual([expect.stringMatching(/^SID=/)]);
      expect((await operate(visitor, '{ visits }')).data).toEqual({ visits: 1 });
    });

    it('need as many round trips as in a route: unused 0, reading 1, writing 2', async () => {
      const visitor = app.visitor();
      await operate(visitor, 'mutation { visit }');
      expect(await commandsOf(() => operate(visitor, '{ untouched }'))).toBe(0);
      expect(await commandsOf(() => operate(visitor, '{ a: visits b: visits c: visits }'))).toBe(1);
      expect(await commandsOf(() => operate(visitor, 'mutation { a: visit b: visit }'))).toBe(2);
    });

    it('are shared by all fields of an operation, which lose nothing in parallel', async () => {
      const visitor = app.visitor();
      const fields = Array.from({ length: 50 }, (_, n) => `f${n}: counted(by: 1)`);
      const { data, setCookies } = await operate(visitor, `{ ${fields.join(' ')} }`);
      expect(new Set(Object.values(data as object)).size).toBe(50);
      expect(setCookies).toHaveLength(1);
      expect((await operate(visitor, '{ counted(by: 0) }')).data).toEqual({ counted: 50 });
    });

    it('are shared by parallel operations, too', async () => {
      const visitor = app.visitor();
      await operate(visitor, 'mutation { visit }');
      await Promise.all(Array.from({ length: 20 }, () => operate(visitor, 'mutation { visit }')));
      expect((await operate(visitor, '{ visits }')).data).toEqual({ visits: 21 });
    });

    it('are the same by decorator, by context and by manager', async () => {
      const { data } = await operate(app.visitor(), '{ sameByContext sameByManager }');
      expect(data).toEqual({ sameByContext: true, sameByManager: true });
    });

    it('serve guards, sign in with a new id, and sign out', async () => {
      const visitor = app.visitor();
      expect((await operate(visitor, '{ account }')).errors).toHaveLength(1);
      await operate(visitor, 'mutation { visit }');
      const before = visitor.cookie;
      await operate(visitor, 'mutation { signIn(name: "Ada") }');
      expect(visitor.cookie).not.toBe(before);
      expect(await operate(visitor, '{ account visits }')).toMatchObject({
        data: { account: 'Ada', visits: 1 },
      });
      const thief = visitor.fork();
      await operate(visitor, 'mutation { signOut }');
      expect(visitor.cookie).toBe('');
      expect((await operate(thief, '{ account }')).errors).toHaveLength(1);
    });

    it('that cannot be stored give a 503 in place of the answer, without a cookie', async () => {
      wire.failWrites(true);
      const answer = await app.visitor().post('/graphql', { query: 'mutation { visit }' });
      wire.failWrites(false);
      expect(answer).toMatchObject({ status: 503, setCookies: [] });
      expect(answer.json).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    });

    it('whose sign-in cannot be stored give a 503, although GraphQL answered with the error', async () => {
      const visitor = app.visitor();
      await operate(visitor, 'mutation { visit }');
      wire.failWrites(true);
      const answer = await visitor.post('/graphql', {
        query: 'mutation { signIn(name: "Ada") }',
      });
      wire.failWrites(false);
      expect(answer).toMatchObject({ status: 503, setCookies: [] });
    });

    describe('that cannot be read', () => {
      beforeAll(async () => {
        await wire.refuse(true);
        wire.cut();
      });

      afterAll(() => wire.refuse(false));

      const somebody = () => {
        const visitor = app.visitor();
        visitor.cookie = `SID=${newSessionId()}`;
        return visitor;
      };

      it('give an error with its code, and other fields are answered', async () => {
        const { data, errors, setCookies } = await operate(somebody(), '{ untouched visits }');
        expect(data).toEqual({ untouched: 'nothing of a session', visits: null });
        expect(errors).toMatchObject([{ extensions: { code: 'SESSION_STORE_UNAVAILABLE' } }]);
        expect(setCookies).toEqual([]);
      });

      it('are never a success of a mutation', async () => {
        const { data, errors } = await operate(somebody(), 'mutation { signOut }');
        expect(data).toBeNull();
        expect(errors).toMatchObject([{ extensions: { code: 'SESSION_STORE_UNAVAILABLE' } }]);
      });

      it("give the error's status where nothing else is answered", async () => {
        const { status } = await operate(somebody(), 'mutation { signOut }');
        expect(status).toBe(statusOfFailure);
      });
    });
  },
);
