import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Socket } from 'socket.io-client';

import { Session, SessionError, sessionOf } from '../../src/index.js';
import { SocketRegistry } from '../../src/sockets/registry.js';
import { sessionHeaders } from '../../src/testing/session-cookie.js';
import {
  connectGateway,
  connectSocketIo,
  SOCKET_PLATFORMS,
  useSockets,
} from '../support/gateway-client.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class PagesController {
  @Post('sign-in')
  signIn(@Session() session: Session) {
    session.name = 'Ada';
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.destroy();
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

/** What became of a write to the session of the last handshake. */
let written: unknown;

/** Done before the session is looked at. */
let before: (handshake: IncomingMessage) => Promise<unknown> = () => Promise.resolve();

/** Done between that look and the gateway's. */
let between: () => Promise<unknown> = () => Promise.resolve();

async function isSignedIn(handshake: IncomingMessage): Promise<boolean> {
  await before(handshake);
  const session = await sessionOf(handshake);
  try {
    session.seen = true;
  } catch (error) {
    written = error instanceof SessionError ? error.code : error;
  }
  await between();
  return session.has('name');
}

type Verdict = (refusal: string | null, mayOpen: boolean) => void;

@WebSocketGateway({
  // Of ws:
  verifyClient: ({ req }: { req: IncomingMessage }, done: (mayOpen: boolean) => void) =>
    void isSignedIn(req).then(done),
  // Of Socket.IO:
  allowRequest: (handshake: IncomingMessage, done: Verdict) =>
    void isSignedIn(handshake).then((mayOpen) => done(null, mayOpen)),
})
class MembersGateway {
  @SubscribeMessage('name')
  name(@Session('name') data: string) {
    return { event: 'answer', data };
  }

  @SubscribeMessage('leave')
  async leave(@Session() session: Session) {
    await session.destroy();
    return { event: 'answer', data: 'bye' };
  }
}

describe.each(PLATFORMS.flatMap((http) => SOCKET_PLATFORMS.map((sockets) => ({ http, sockets }))))(
  'code that checks handshakes of $sockets, on $http',
  ({ http, sockets }) => {
    const memcached = useMemcached();
    const wire = useRecordingProxy(memcached);

    const app = useSessionApp(() => ({
      platform: http,
      options: { memcached: wire.server, socketSweep: false },
      controllers: [PagesController],
      providers: [MembersGateway],
      prepare: useSockets(sockets),
    }));

    async function signedIn() {
      const visitor = app.visitor();
      await visitor.post('/sign-in');
      return visitor;
    }

    it('has the session, and can accept by it', async () => {
      const { cookie } = await signedIn();
      const client = await connectGateway(sockets, app.url, cookie);
      expect((await client.ask('name')).data).toBe('Ada');
      client.close();
      await expect(connectGateway(sockets, app.url)).rejects.toBeInstanceOf(Error);
    });

    it('cannot change it', async () => {
      const visitor = await signedIn();
      written = undefined;
      (await connectGateway(sockets, app.url, visitor.cookie)).close();
      expect(written).toBe('SESSION_READ_ONLY');
      expect((await visitor.get('/entries')).json).toEqual({ name: 'Ada' });
    });

    it('needs one round trip beside that of the gateway', async () => {
      const { cookie } = await signedIn();
      wire.reset();
      const client = await connectGateway(sockets, app.url, cookie);
      await client.ask('name');
      expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'mg', 'mg']);
      client.close();
    });

    it('registers nothing for a client that has disconnected', async () => {
      const { cookie } = await signedIn();
      const gone = new Promise<void>((resolve) => {
        before = async ({ socket }) => {
          socket.destroy();
          await once(socket, 'close');
          setImmediate(resolve);
        };
      });
      await connectGateway(sockets, app.url, cookie).catch(() => undefined);
      await gone;
      before = () => Promise.resolve();
      expect(app.app.get(SocketRegistry).bySession()).toEqual([]);
    });

    it('leaves no socket open whose session ends elsewhere before the gateway gets the client', async () => {
      const { cookie } = await signedIn();
      between = () => memcached.flush();
      const client = await connectGateway(sockets, app.url, cookie);
      between = () => Promise.resolve();
      expect(await client.closed).toBe(sockets === 'ws' ? 4401 : 'io server disconnect');
    });

    it('lets the gateway answer the message that ends the session', async () => {
      const { cookie } = await signedIn();
      const client = await connectGateway(sockets, app.url, cookie);
      expect((await client.ask('leave')).data).toBe('bye');
      expect(await client.closed).toBe(sockets === 'ws' ? 4401 : 'io server disconnect');
    });
  },
);

describe.each(SOCKET_PLATFORMS)('the id in a header of the handshake, with %s', (sockets) => {
  let app: SessionApp;

  beforeAll(async () => {
    app = await startSessionApp({
      options: { transport: { header: 'x-session-id' }, socketSweep: false },
      controllers: [PagesController],
      providers: [MembersGateway],
      prepare: useSockets(sockets),
    });
  });

  afterAll(() => app.close());

  it('is that of the session, for checks and for messages', async () => {
    const headers = await sessionHeaders(app.app, { name: 'Ada' });
    const client = await connectGateway(sockets, app.url, headers);
    expect((await client.ask('name')).data).toBe('Ada');
    client.close();
  });

  it('is not read from a cookie', async () => {
    const [id] = Object.values(await sessionHeaders(app.app, { name: 'Ada' }));
    await expect(connectGateway(sockets, app.url, `SID=${id}`)).rejects.toBeInstanceOf(Error);
  });
});

describe('a socket of Socket.IO that begins without a WebSocket', () => {
  let app: SessionApp;
  let socket: Socket | undefined;

  beforeAll(async () => {
    app = await startSessionApp({
      options: { socketSweep: false },
      controllers: [PagesController],
      providers: [MembersGateway],
      prepare: useSockets('socket.io'),
    });
  });

  afterEach(() => void socket?.disconnect());

  afterAll(() => app.close());

  it('is accepted at its first request', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    socket = connectSocketIo(app.url, visitor.cookie, ['polling']);
    await once(socket as never, 'connect');
    const answer = once(socket as never, 'answer');
    socket.emit('name');
    expect(await answer).toEqual(['Ada']);
  });

  it('is refused at its first request', async () => {
    socket = connectSocketIo(app.url, undefined, ['polling']);
    const [error] = (await once(socket as never, 'connect_error')) as [Error];
    expect(error.message).toBe('xhr poll error');
  });
});

it.each(PLATFORMS)(
  'an application without sockets answers an upgrade request like any other, on %s',
  async (platform) => {
    const app = await startSessionApp({ platform, controllers: [PagesController] });
    const asking = request(`${app.url}/sign-in`, {
      method: 'POST',
      headers: { connection: 'upgrade', upgrade: 'websocket' },
    });
    asking.end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(201);
    expect(response.headers['set-cookie']).toEqual([expect.stringMatching(/^SID=/)]);
    await app.close();
  },
);
