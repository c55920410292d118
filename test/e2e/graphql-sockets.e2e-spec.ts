import { EventEmitter, on } from 'node:events';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import {
  Field,
  Int,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { createClient, type Client, type ExecutionResult } from 'graphql-ws';
import { WebSocket } from 'ws';

import { Session, SessionManager, sessionOf, UserSessions } from '../../src/index.js';
import { SocketRegistry } from '../../src/sockets/registry.js';
import { GRAPHQL_STACKS } from '../support/graphql-apps.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';

@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Post('sign-in')
  async signIn(@Session() session: Session) {
    const signedIn = await session.signIn('ada');
    signedIn.visits = 1;
  }

  @Post('visit')
  visit(@Session() session: Session) {
    session.increment('visits');
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.signOut();
  }

  @Post('revoke')
  async revoke() {
    await this.users.revokeAll('ada');
  }

  @Get()
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await sessionOf(context)).userId !== undefined;
  }
}

@ObjectType()
class News {
  @Field(() => Int)
  number!: number;
}

const newsroom = new EventEmitter();

@Resolver(() => News)
class NewsResolver {
  /** Each with the news, and the session's entries as they are when those come. */
  @Subscription(() => News)
  @UseGuards(SignedInGuard)
  async *news(@Session('visits') visitsAtFirst: number) {
    yield { news: { number: visitsAtFirst } };
    for await (const [number] of on(newsroom, 'news')) yield { news: { number: number as number } };
  }

  @ResolveField(() => Int, { nullable: true })
  visits(@Session('visits') visits: number | undefined) {
    return visits;
  }

  @Subscription(() => News)
  async *weather() {
    await Promise.resolve();
    yield { weather: { number: 20 } };
  }

  @Subscription(() => News)
  async *counting(@Session() session: Session) {
    await Promise.resolve();
    yield { counting: { number: session.increment('visits') } };
  }

  @Query(() => Int, { nullable: true })
  visitsNow(@Session('visits') visits: number | undefined) {
    return visits;
  }

  @Mutation(() => Int)
  visit(@Session() session: Session) {
    return session.increment('visits');
  }

  @Mutation(() => Boolean)
  async signOut(@Session() session: Session) {
    await session.signOut();
    return true;
  }
}

@Resolver()
class ScopedResolver {
  constructor(private readonly sessions: SessionManager) {}

  @Query(() => Int)
  async managed() {
    return (await this.sessions.current()).visits as number;
  }
}

const NEWS = 'subscription { news { number visits } }';

describe.each(GRAPHQL_STACKS.filter(({ name }) => !name.includes('statuses')))(
  'GraphQL over a WebSocket, with $name',
  ({ platform, graphql, closedBy }) => {
    const memcached = useMemcached();
    const wire = useRecordingProxy(memcached);
    const clients: Client[] = [];

    const app = useSessionApp(() => ({
      platform,
      // Errors would be answered as null: a busy machine has time for each.
      options: { memcached: { servers: wire.server, timeout: 10_000 } },
      imports: [graphql()],
      controllers: [AccountController],
      providers: [NewsResolver, ScopedResolver, SignedInGuard] as Type[],
    }));

    afterEach(async () => {
      for (const client of clients.splice(0)) await client.dispose();
    });

    async function signedIn() {
      const visitor = app.visitor();
      await visitor.post('/sign-in');
      await app.settled();
      return visitor;
    }

    /** With a promise of the code that its connection is closed with. */
    function connect(cookie?: string): Client & { closed: Promise<number> } {
      const client = createClient({
        url: app.url.replace('http', 'ws') + '/graphql',
        webSocketImpl: class extends WebSocket {
          constructor(url: string, protocol: string) {
            super(url, protocol, { headers: cookie ? { cookie } : {} });
          }
        },
        retryAttempts: 0,
        // One connection from the beginning to the end, which some tests await.
        lazy: false,
        onNonLazyError: () => undefined,
      });
      clients.push(client);
      const closed = new Promise<number>((resolve) => {
        client.on('closed', (event) => resolve((event as { code: number }).code));
      });
      return Object.assign(client, { closed });
    }

    /** The first result of an operation, which may be an error of the whole operation. */
    async function first(client: Client, query: string): Promise<ExecutionResult<any>> {
      try {
        const results = client.iterate<any>({ query });
        const { value } = await results.next();
        await results.return?.();
        return value as ExecutionResult;
      } catch (errors) {
        return { errors } as ExecutionResult;
      }
    }

    it("has the handshake's session, read again for each event", async () => {
      const somebody = await signedIn();
      const news = connect(somebody.cookie).iterate<any>({ query: NEWS });
      expect((await news.next()).value.data).toEqual({ news: { number: 1, visits: 1 } });
      await somebody.post('/visit');
      const next = news.next();
      newsroom.emit('news', 7);
      expect((await next).value.data).toEqual({ news: { number: 7, visits: 2 } });
    });

    it('has it in queries, too, and none without an id', async () => {
      const somebody = await signedIn();
      const { data } = await first(connect(somebody.cookie), '{ visitsNow }');
      expect(data).toEqual({ visitsNow: 1 });
      expect((await first(connect(), '{ visitsNow }')).data).toEqual({ visitsNow: null });
    });

    it('refuses anonymous visitors by its guards', async () => {
      expect(JSON.stringify(await first(connect(), NEWS))).toContain('Forbidden');
    });

    it.each(['subscription { counting { number } }', 'mutation { visit }', 'mutation { signOut }'])(
      'cannot change it, as no response waits for a commit: %s',
      async (operation) => {
        const somebody = await signedIn();
        const told = JSON.stringify(await first(connect(somebody.cookie), operation));
        expect(told).toContain('by GraphQL over a WebSocket');
        expect((await somebody.get('/')).json).toEqual({ visits: 1 });
      },
    );

    it('has no SessionManager but a clear error', async () => {
      const { cookie } = await signedIn();
      const told = await first(connect(cookie), '{ managed }');
      expect(JSON.stringify(told)).toContain('in GraphQL use @Session()');
    });

    it('needs no round trip if it ignores the session, and one per use', async () => {
      const { cookie } = await signedIn();
      const client = connect(cookie);
      wire.reset();
      await first(client, 'subscription { weather { number } }');
      expect(wire.commands).toEqual([]);
      await first(client, '{ visitsNow }'); // and once a minute one more, as there is a user
      while (wire.commands.length < 2) await new Promise((resolve) => setImmediate(resolve));
      wire.reset();
      await first(client, '{ visitsNow }');
      await first(client, '{ a: visitsNow b: visitsNow }');
      expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'mg']);
    });

    it('is not registered after its client has disconnected', async () => {
      const somebody = await signedIn();
      const client = connect(somebody.cookie);
      await first(client, '{ visitsNow }');
      await client.dispose();
      while (app.app.get(SocketRegistry).bySession().length > 0) await somebody.get('/');
    });

    it.each(['/sign-out', '/revoke'])('is closed when the session ends: %s', async (path) => {
      const somebody = await signedIn();
      const client = connect(somebody.cookie);
      await first(client, '{ visitsNow }');
      await somebody.post(path);
      expect(await client.closed).toBe(closedBy);
    });

    it('is closed at the next use if the session was ended elsewhere', async () => {
      const somebody = await signedIn();
      const client = connect(somebody.cookie);
      await first(client, '{ visitsNow }');
      await memcached.flush();
      await first(client, '{ visitsNow }');
      expect(await client.closed).toBe(closedBy);
    });
  },
);
