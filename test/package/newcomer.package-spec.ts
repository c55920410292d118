import { readdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { connectGateway, SOCKET_PLATFORMS } from '../support/gateway-client.js';
import { operate } from '../support/graphql-apps.js';
import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { quickStart, readmeExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

/** What test/types shows of the public types, for an application that declares its entries. */
async function typedSources(): Promise<Record<string, string>> {
  const folder = new URL('../types/declared/', import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  const texts = names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

const mainSource = `
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  await app.listen(Number(process.env.PORT));
}
void bootstrap();
`;

const gatewaySource = `
import { once, type EventEmitter } from 'node:events';
import { Controller, Get, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Session, SessionModule } from 'nestjs-session-manager';

@Controller()
class CountController {
  @Post('begin')
  begin(@Session() session: Session) {
    session.set('count', 0);
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('end')
  @HttpCode(204)
  end(@Session() session: Session) {
    return session.destroy();
  }
}

@WebSocketGateway()
class CountGateway {
  @SubscribeMessage('count')
  count(@Session() session: Session) {
    return { event: 'counted', data: session.increment('count') };
  }

  @SubscribeMessage('stay')
  async stay(@Session() session: Session, @ConnectedSocket() client: EventEmitter) {
    await once(client, 'disconnect' in client ? 'disconnect' : 'close');
    session.set('stayed', true);
  }
}

@Module({
  imports: [SessionModule.forRoot()],
  controllers: [CountController],
  providers: [CountGateway],
})
class AppModule {}

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  if (process.env.SOCKETS === 'ws') app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(Number(process.env.PORT));
}
void bootstrap();
`;

describe.each([
  { nest: 12, type: 'module' },
  { nest: 12, type: 'commonjs' },
  { nest: 11, type: 'commonjs' },
] as const)('a newcomer with Nest $nest, $type', ({ nest, type }) => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    const sources = { ...(await quickStart()), ...(await typedSources()) };
    const tools = ['expect-type@1'];
    consumer = await Consumer.install({ nest, type, archive: packed.archive, tools, sources });
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it(
    'compiles the README’s example and its own types',
    async () => {
      await consumer.compile();
      const loads =
        type === 'module' ? /from 'nestjs-session-manager'/ : /require\("nestjs-session/;
      expect(await consumer.compiled('account.module.js')).toMatch(loads);
    },
    INSTALL_TIMEOUT,
  );

  it(
    'needs no optional peer, for its code or for its types',
    async () => {
      const optional = ['@nestjs/graphql', '@nestjs/terminus', '@nestjs/websockets'];
      expect(optional.filter((name) => consumer.has(name))).toEqual([]);
      expect(await consumer.typeErrors()).toEqual([]);
    },
    INSTALL_TIMEOUT,
  );

  it(
    'runs it: visits are counted, also across a sign-in, and the guard lets in who is signed in',
    async () => {
      const app = await consumer.start();
      try {
        const somebody = visitor(app.url);
        await somebody.get('/account');
        expect((await somebody.get('/account')).json).toEqual({ visits: 2 });
        expect((await visitor(app.url).get('/account')).json).toEqual({ visits: 1 });
        expect((await somebody.get('/account/orders')).status).toBe(403);
        const before = somebody.cookie;
        await somebody.post('/account/sign-in', { name: 'ada' });
        expect(somebody.cookie).not.toBe(before);
        expect((await somebody.get('/account/orders')).json).toEqual({ of: 'ada' });
        expect((await somebody.get('/account')).json).toEqual({ visits: 3 });
        await somebody.post('/account/sign-out');
        expect((await somebody.get('/account/orders')).status).toBe(403);
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});

describe.each([
  { nest: 12, type: 'module' },
  { nest: 11, type: 'commonjs' },
] as const)('a newcomer with gateways, with Nest $nest, $type', ({ nest, type }) => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.install({
      ...{ nest, type, archive: packed.archive },
      more: ['websockets', 'platform-socket.io', 'platform-ws'],
      sources: {
        'main.ts': gatewaySource,
        'chat.gateway.ts': await readmeExample('websockets'),
        'members.gateway.ts': await readmeExample('websockets-handshake'),
      },
    });
    await consumer.compile();
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it.each(SOCKET_PLATFORMS)(
    'has the session of a visitor in messages, with %s, and loses the socket with it',
    async (sockets) => {
      const app = await consumer.start({ SOCKETS: sockets });
      try {
        const somebody = visitor(app.url);
        await somebody.post('/begin');
        const client = await connectGateway(sockets, app.url, somebody.cookie);
        expect((await client.ask('count')).data).toBe(1);
        expect((await client.ask('count')).data).toBe(2);
        const another = await connectGateway(sockets, app.url, somebody.cookie);
        another.send('stay');
        await another.ask('count');
        another.close();
        const entries = async () => (await somebody.get('/entries')).json;
        while (!('stayed' in (await entries()))) await client.ask('count');
        await somebody.post('/end');
        expect(await client.closed).toBe(sockets === 'ws' ? 4401 : 'io server disconnect');
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});

describe('a newcomer with GraphQL, with Nest 11, commonjs', () => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.install({
      ...{ nest: 11, type: 'commonjs', archive: packed.archive },
      tools: [
        ...['@nestjs/graphql@13', '@nestjs/apollo@13', '@apollo/server@5'],
        ...['@as-integrations/express5', 'graphql@16'],
      ],
      sources: { 'main.ts': mainSource, 'app.module.ts': await readmeExample('graphql') },
    });
    await consumer.compile();
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it(
    'has the session in resolvers and in their guard',
    async () => {
      const app = await consumer.start();
      try {
        const somebody = visitor(app.url);
        expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
        await operate(somebody, 'mutation { signIn(name: "Ada") }');
        expect((await operate(somebody, '{ me }')).data).toEqual({ me: 'Ada' });
        await operate(somebody, 'mutation { signOut }');
        expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
