import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { Server } from 'socket.io';

import { requestSession, type RequestSessionObject } from '../../../src/express-session.js';
import { Session } from '../../../src/index.js';
import {
  connectGateway,
  SOCKET_PLATFORMS,
  useSockets,
  type GatewayClient,
} from '../../support/gateway-client.js';
import { useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';

interface WithSession {
  readonly session: RequestSessionObject;
}

@Controller()
class AppController {
  @Post('enter')
  enter(@Req() { session }: WithSession) {
    session.name = 'Ada';
    session.passport = { user: 7 };
  }

  @Post('rename')
  rename(@Req() { session }: WithSession) {
    session.name = 'Grace';
  }

  @Get('show')
  show(@Req() { session }: WithSession) {
    return { name: session.name as string, said: session.said as number };
  }
}

@WebSocketGateway()
class ChatGateway {
  @WebSocketServer() readonly server!: Server;

  @SubscribeMessage('read')
  read(@Session() { name, passport }: Session) {
    return { event: 'read', data: { name, passport } };
  }

  @SubscribeMessage('say')
  say(@Session() session: Session) {
    return { event: 'say', data: session.increment('said') };
  }
}

const clients: GatewayClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

describe.each(
  PLATFORMS.flatMap((platform) => SOCKET_PLATFORMS.map((sockets) => ({ platform, sockets }))),
)('gateways with $sockets beside request.session, on $platform', ({ platform, sockets }) => {
  const app = useSessionApp(() => ({
    ...{ platform, controllers: [AppController], providers: [ChatGateway] },
    prepare: (nest) => {
      if (platform === 'fastify') void (nest as any).register(requestSession());
      else nest.use(requestSession());
      useSockets(sockets)(nest);
    },
  }));

  it('have what it wrote over HTTP, at each message, and it has what they wrote', async () => {
    const visitor = app.visitor();
    await visitor.post('/enter');
    const client = await connectGateway(sockets, app.url, visitor.cookie);
    clients.push(client);
    const passport = { user: 7 };
    expect((await client.ask('read')).data).toEqual({ name: 'Ada', passport });
    await visitor.post('/rename');
    expect((await client.ask('read')).data).toEqual({ name: 'Grace', passport });
    expect((await client.ask('say')).data).toBe(1);
    expect((await client.ask('say')).data).toBe(2);
    expect((await visitor.get('/show')).json).toEqual({ name: 'Grace', said: 2 });
  });
});

describe('requestSession() in io.engine.use(), where express-session was', () => {
  const app = useSessionApp(() => ({
    ...{ controllers: [AppController], providers: [ChatGateway] },
    prepare: (nest) => nest.use(requestSession()),
  }));

  it('refuses each handshake, so that it is found at once', async () => {
    app.app.get(ChatGateway).server.engine.use(requestSession());
    await expect(connectGateway('socket.io', app.url)).rejects.toThrow();
    const { status } = await app.visitor().get('/socket.io/?EIO=4&transport=polling');
    expect(status).toBe(400);
  });
});
