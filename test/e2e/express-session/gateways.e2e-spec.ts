import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';

import { requestSession, type RequestSessionObject } from '../../../src/express-session.js';
import { Session } from '../../../src/index.js';
import {
  connectGateway,
  connectSocketIo,
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

  @Post('out')
  out(@Req() { session }: WithSession) {
    return session.destroy();
  }

  @Get('show')
  show(@Req() { session }: WithSession) {
    return { name: session.name as string, said: session.said as number };
  }
}

@WebSocketGateway()
class ChatGateway {
  @SubscribeMessage('read')
  read(@Session() { name, passport }: Session) {
    return { event: 'read', data: { name, passport } };
  }

  @SubscribeMessage('say')
  say(@Session() session: Session) {
    return { event: 'say', data: session.increment('said') };
  }
}

/** As an application of express-session has it. */
@WebSocketGateway()
class EngineGateway {
  afterInit(server: Server) {
    server.engine.use(requestSession());
  }

  @SubscribeMessage('say')
  async say(@ConnectedSocket() { request }: { request: WithSession }) {
    await request.session.reload();
    const { session } = request;
    session.said = ((session.said as number | undefined) ?? 0) + 1;
    await session.save();
    return { name: session.name, said: session.said };
  }

  @SubscribeMessage('both')
  both(@Session() { name, said }: Session) {
    return { name, said };
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

describe.each(PLATFORMS)('requestSession() in io.engine.use(), on %s', (platform) => {
  const app = useSessionApp(() => ({
    ...{ platform, controllers: [AppController], providers: [EngineGateway] },
    prepare: (nest) => nest.use(requestSession()),
  }));

  it.each(['websocket', 'polling'])(
    'gives gateways socket.request.session, and they end with it: over %s',
    async (transport) => {
      const visitor = app.visitor();
      await visitor.post('/enter');
      const socket = connectSocketIo(app.url, visitor.cookie, [transport]);
      const ended = new Promise((resolve) => socket.once('disconnect', resolve));
      const ask = (event: string): Promise<unknown> =>
        socket.emitWithAck(event) as Promise<unknown>;
      expect(await ask('say')).toEqual({ name: 'Ada', said: 1 });
      await visitor.post('/rename');
      expect(await ask('say')).toEqual({ name: 'Grace', said: 2 });
      expect((await visitor.get('/show')).json).toEqual({ name: 'Grace', said: 2 });
      expect(await ask('both')).toEqual({ name: 'Grace', said: 2 });
      await visitor.post('/out');
      expect(await ended).toBe('io server disconnect');
    },
  );

  it('lets clients without a session connect', async () => {
    const socket = connectSocketIo(app.url);
    expect(await socket.emitWithAck('both')).toEqual({});
    socket.disconnect();
  });
});
