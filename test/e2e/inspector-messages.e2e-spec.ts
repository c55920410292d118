import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { Session } from '../../src/index.js';
import { SessionInspectorModule } from '../../src/inspector.js';
import {
  connectGateway,
  SOCKET_PLATFORMS,
  useSockets,
  type GatewayClient,
} from '../support/gateway-client.js';
import { GRAPHQL_STACKS, operate } from '../support/graphql-apps.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';
import type { Visitor } from '../support/http-client.js';
import { timelinesDuring } from '../support/inspector-stream.js';
import { PLATFORMS } from '../support/session-app.js';

const SECRET = 'the-secret-value';
const PATH = '/session-inspector';

@Controller()
class CartController {
  @Post('begin')
  begin(@Session() session: Session) {
    session.set('cart', []);
  }
}

@WebSocketGateway()
class CartGateway {
  @SubscribeMessage('add')
  add(@Session() session: Session, @MessageBody() item: string) {
    session.set('cart', [item]);
    return { event: 'added', data: true };
  }

  @SubscribeMessage('look')
  look(@Session() session: Session) {
    return { event: 'seen', data: session.size };
  }

  @SubscribeMessage('ping')
  ping() {
    return { event: 'pong', data: true };
  }

  @SubscribeMessage('flood')
  flood(@Session() session: Session) {
    session.set('cart', 'x'.repeat(2000));
    return { event: 'flooded', data: true };
  }
}

describe.each(
  PLATFORMS.flatMap((platform) => SOCKET_PLATFORMS.map((sockets) => ({ platform, sockets }))),
)('the inspector, with gateways with $sockets, on $platform', ({ platform, sockets }) => {
  const memcached = useMemcached();
  const clients: GatewayClient[] = [];
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: memcached.server, maxBytes: 1000 },
    imports: [SessionInspectorModule.forRoot()],
    controllers: [CartController],
    providers: [CartGateway],
    prepare: useSockets(sockets),
  }));

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function connect(): Promise<[Visitor, GatewayClient]> {
    const ada = app.visitor();
    await ada.post('/begin');
    const client = await connectGateway(sockets, app.url, ada.cookie);
    clients.push(client);
    // Its session has been looked for before the first message is handled.
    await client.ask('ping');
    return [ada, client];
  }

  it('streams the timeline of each message when it is over', async () => {
    const [, client] = await connect();
    const work = async () => {
      await client.ask('add', SECRET);
      await client.ask('look');
      await client.ask('ping');
    };
    const [add, look, ping] = await timelinesDuring(app.url + PATH, work, 3);
    expect([add, look, ping]).toMatchObject([
      { kind: 'message', method: 'MESSAGE', path: 'add', roundTrips: 2 },
      { kind: 'message', method: 'MESSAGE', path: 'look', roundTrips: 1 },
      { kind: 'message', method: 'MESSAGE', path: 'ping', roundTrips: 0 },
    ]);
    const what = add!.steps.map((step) => step.what);
    expect(what).toEqual(['find', 'loaded', 'update', 'committed', 'done']);
    expect(add!.stored).toEqual([
      { name: 'cart', change: 'changed', bytes: JSON.stringify([SECRET]).length },
    ]);
    expect(look!.handle).toBe(add!.handle);
    expect([look!.stored, ping!.handle, ping!.status]).toEqual([undefined, undefined, undefined]);
  });

  it('says of a message that its session could not be stored, and why', async () => {
    const [, client] = await connect();
    const [flood] = await timelinesDuring(app.url + PATH, () => client.ask('flood'), 1);
    expect(flood!.steps.at(-1)).toMatchObject({ what: 'not stored', note: 'SESSION_TOO_LARGE' });
    expect(flood!.stored).toBeUndefined();
  });

  it('shows messages on its page, without ids and values', async () => {
    const [ada, client] = await connect();
    await client.ask('add', SECRET);
    const page = (await app.visitor().get(PATH)).body;
    expect(page).toContain('MESSAGE add');
    expect(page).not.toContain(SECRET);
    expect(page).not.toContain(ada.cookie.split('=')[1]);
  });
});

@Controller()
class EntriesController {
  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

@Resolver()
class CartResolver {
  @Query(() => Number)
  size(@Session() session: Session) {
    return session.size;
  }

  @Mutation(() => Boolean)
  add(@Session() session: Session, @Args('item') item: string) {
    session.set('cart', [item]);
    return true;
  }
}

describe.each(GRAPHQL_STACKS)('the inspector, with GraphQL: $name', ({ platform, graphql }) => {
  const memcached = useMemcached();
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: memcached.server },
    imports: [SessionInspectorModule.forRoot(), graphql()],
    controllers: [EntriesController],
    providers: [CartResolver],
  }));

  const add = (visitor: Visitor) => operate(visitor, `mutation { add(item: "${SECRET}") }`);

  it('names the operations of a request, and what they did', async () => {
    const ada = app.visitor();
    const work = async () => {
      await add(ada);
      await operate(ada, '{ one: size two: size }');
    };
    const [mutation, query] = await timelinesDuring(app.url + PATH, work, 2);
    expect(mutation).toMatchObject({
      ...{ kind: 'request', method: 'POST', path: '/graphql', operations: ['mutation add'] },
      ...{ roundTrips: 1, stored: [{ name: 'cart', change: 'new' }] },
    });
    const what = mutation!.steps.map((step) => step.what);
    expect(what).toEqual(['resolver', 'create', 'committed', 'sent']);
    expect(query!.operations).toEqual(['query size', 'query size']);
    const page = (await app.visitor().get(PATH)).body;
    expect(page).toContain('mutation add');
    expect(page).not.toContain(SECRET);
    expect(page).not.toContain(ada.cookie.split('=')[1]);
  });

  it('shows operations over a WebSocket', async () => {
    const ada = app.visitor();
    await add(ada);
    const { cookie } = ada;
    const client = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: class extends WebSocket {
        constructor(url: string, protocols?: string | string[]) {
          super(url, protocols, { headers: { cookie } });
        }
      },
    });
    const ask = async () => {
      for await (const { data } of client.iterate({ query: '{ size }' })) return data;
      return undefined;
    };
    try {
      const [operation] = await timelinesDuring(app.url + PATH, ask, 1);
      expect(operation).toMatchObject({ kind: 'operation', method: 'QUERY', path: 'size' });
      expect(operation!.steps.map((step) => step.what)).toEqual(['find', 'loaded', 'done']);
    } finally {
      await client.dispose();
    }
  });
});
