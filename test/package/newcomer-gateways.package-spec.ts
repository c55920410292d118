import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { connectGateway, SOCKET_PLATFORMS } from '../support/gateway-client.js';
import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { readmeExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

const gatewaySource = `
import { once, type EventEmitter } from 'node:events';
import {
  ArgumentsHost, Catch, Controller, ForbiddenException, Get, HttpCode, Module, Post, UseFilters, UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { CrossSiteGuard, Session, SessionModule } from 'nestjs-session-manager';

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

/** For ws, too, where the default filter of Nest 11 answers nothing. */
@Catch(ForbiddenException)
class RefusalFilter {
  catch(error: ForbiddenException, host: ArgumentsHost) {
    const client = host.switchToWs().getClient();
    const { code } = error.getResponse() as { code: string };
    if ('handshake' in client) client.emit('refused', code);
    else client.send(JSON.stringify({ event: 'refused', data: code }));
  }
}

@UseFilters(RefusalFilter)
@UseGuards(CrossSiteGuard)
@WebSocketGateway()
class CountGateway {
  @SubscribeMessage('count')
  count(@Session() session: Session) {
    return { event: 'counted', data: session.increment('count') };
  }

  @SubscribeMessage('show')
  show() {
    return { event: 'shown', data: true };
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

  it.each(SOCKET_PLATFORMS)(
    'refuses messages of sockets that other sites have opened, with %s',
    async (sockets) => {
      const app = await consumer.start({ SOCKETS: sockets });
      try {
        const [own, foreign] = [app.url, 'https://other.example'];
        const answers = [own, foreign].map(async (origin) => {
          const client = await connectGateway(sockets, app.url, undefined, origin);
          const answer = await client.ask('show');
          client.close();
          return answer;
        });
        expect(await Promise.all(answers)).toEqual([
          { event: 'shown', data: true },
          { event: 'refused', data: 'SESSION_CROSS_SITE' },
        ]);
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
