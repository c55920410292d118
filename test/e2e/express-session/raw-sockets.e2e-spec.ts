import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Req, type INestApplication } from '@nestjs/common';
import session from 'express-session';
import { Server as SocketIoServer, type Socket } from 'socket.io';
import { WebSocket, WebSocketServer } from 'ws';

import { requestSession } from '../../../src/express-session.js';
import { connectSocketIo } from '../../support/gateway-client.js';
import type { Visitor } from '../../support/http-client.js';
import { startSessionApp, type Platform, type SessionApp } from '../../support/session-app.js';

type AnyRequest = IncomingMessage & {
  session: session.Session & Record<string, any>;
  sessionID: string;
};

/** As the documentation of express-session and of ws has it. */
type Parser = (request: object, response: object, next: (error?: unknown) => void) => void;

@Controller()
class AppController {
  @Post('set')
  set(@Req() { session }: AnyRequest, @Body() entries: object) {
    Object.assign(session, entries);
  }

  @Post('out')
  async out(@Req() { session }: AnyRequest) {
    await new Promise((resolve) => session.destroy(resolve));
  }

  @Get('show')
  show(@Req() { session: { cookie: _cookie, ...entries } }: AnyRequest) {
    return entries;
  }
}

/** What a message does with the session of its socket's handshake. */
const MESSAGES: Record<string, (request: AnyRequest) => unknown> = {
  read: ({ session, sessionID }) => ({
    name: session.name,
    list: session.list,
    ids: session.id === sessionID,
    cookie: [session.cookie.path, session.cookie.maxAge ?? null],
  }),
  write({ session }) {
    session.said = ((session.said as number | undefined) ?? 0) + 1;
    session.list.push(session.said);
  },
  save: ({ session }) => called((done) => session.save(done)),
  touch: ({ session }) => session.touch() === session,
  reload: (request) => called((done) => request.session.reload(done)),
  async destroy(request) {
    const failed = await called((done) => request.session.destroy(done));
    return [failed, typeof request.session];
  },
  ping: () => 'pong',
  regenerate: ({ session }) => called((done) => session.regenerate(done)),
};

/** Returns the error's code, or whether there was an error. */
function called(work: (done: (error?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve) =>
    work((error) => resolve((error as { code?: string } | undefined)?.code ?? Boolean(error))),
  );
}

function answer(request: AnyRequest, what: string, done: (result: unknown) => void): void {
  void Promise.resolve(MESSAGES[what]!(request)).then((result) => done(result ?? null));
}

/** A server of ws that an application adds by hand. */
function serveSockets(app: INestApplication, parse: Parser): void {
  const sockets = new WebSocketServer({ noServer: true });
  const server = app.getHttpServer() as Server;
  server.on('upgrade', (request: AnyRequest, socket: Duplex, head: Buffer) => {
    if (request.url !== '/raw') return;
    parse(request, {}, () => {
      if (!request.session.name) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.on('message', (data: Buffer) =>
          answer(request, data.toString(), (result) => client.send(JSON.stringify(result))),
        );
      });
    });
  });
}

/** A server of Socket.IO that an application adds by hand. */
function serveSocketIo(app: INestApplication, parse: Parser): SocketIoServer {
  // Those of other paths are for the other server.
  const io = new SocketIoServer(app.getHttpServer() as Server, { destroyUpgrade: false });
  io.engine.use(parse);
  io.on('connection', (socket: Socket) => {
    socket.on('do', (what: string, done: (result: unknown) => void) =>
      answer(socket.request as AnyRequest, what, done),
    );
  });
  return io;
}

interface Started extends SessionApp {
  readonly name: string;
  readonly io: SocketIoServer;
}

/** A client of either server. */
interface Client {
  ask(what: string): Promise<unknown>;
  close(): unknown;
}

type Connect = (app: Started, cookie: string) => Promise<Client>;

async function connectRaw({ url }: Started, cookie: string): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/raw`, { headers: { cookie } });
  await once(socket, 'open');
  return {
    async ask(what) {
      socket.send(what);
      const [data] = (await once(socket, 'message')) as [Buffer];
      return JSON.parse(data.toString()) as unknown;
    },
    close: () => socket.terminate(),
  };
}

const connectBy =
  (transport: string): Connect =>
  async ({ url }, cookie) => {
    const socket = connectSocketIo(url, cookie, [transport]);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return {
      ask: (what) => socket.emitWithAck('do', what) as Promise<unknown>,
      async close() {
        const closed = new Promise((resolve) => socket.io.engine.once('close', resolve));
        socket.disconnect();
        await closed;
      },
    };
  };

const WAYS: [string, Connect][] = [
  ['an upgrade listener with ws', connectRaw],
  ['io.engine.use(), over WebSocket', connectBy('websocket')],
  ['io.engine.use(), over polling', connectBy('polling')],
];

/** The same on express-session, and on this package on Express and on Fastify. */
const apps: Started[] = [];

beforeAll(async () => {
  for (const [name, platform] of [
    ['express-session', 'express'],
    ['Express', 'express'],
    ['Fastify', 'fastify'],
  ] as [string, Platform][]) {
    const cookie = { sameSite: 'lax', secure: false } as const;
    const options = { secret: 'a secret', resave: false, saveUninitialized: false, cookie };
    const parse = (name === 'express-session' ? session(options) : requestSession()) as Parser;
    const app = await startSessionApp({
      ...{ platform, controllers: [AppController], options: { cookie: { secure: false } } },
      prepare: (one) => one.use(parse),
    });
    serveSockets(app.app, parse);
    apps.push({ ...app, name, io: serveSocketIo(app.app, parse) });
  }
}, 60_000);

const clients: Client[] = [];

async function open(connect: Connect, app: Started, cookie: string): Promise<Client> {
  const client = await connect(app, cookie);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

afterAll(async () => {
  for (const app of apps) {
    await app.io.close();
    await app.close();
  }
});

describe.each(WAYS)('request.session in %s, next to express-session', (_way, connect) => {
  /** What each application answers. */
  async function answers(
    visit: (visitor: Visitor, ask: (what: string) => Promise<unknown>) => Promise<unknown>,
  ): Promise<{ theirs: unknown; ours: unknown[] }> {
    const all: unknown[] = [];
    for (const app of apps) {
      const visitor = app.visitor();
      await visitor.post('/set', { name: 'Ada', list: [] });
      const client = await open(connect, app, visitor.cookie);
      all.push(await visit(visitor, (what) => client.ask(what)));
    }
    const [theirs, ...ours] = all;
    return { theirs, ours };
  }

  it('has what HTTP requests have stored, and as it was at the handshake until reload()', async () => {
    const { theirs, ours } = await answers(async (visitor, ask) => {
      const first = await ask('read');
      await visitor.post('/set', { name: 'Grace' });
      return [first, await ask('read'), await ask('reload'), await ask('read')];
    });
    expect(theirs).toMatchObject([{ name: 'Ada' }, { name: 'Ada' }, false, { name: 'Grace' }]);
    expect(ours).toEqual([theirs, theirs]);
  });

  it('stores by save(), what was changed in place too', async () => {
    const { theirs, ours } = await answers(async (visitor, ask) => {
      await ask('write');
      const saved = [await ask('save')];
      const shown = [(await visitor.get('/show')).json];
      await ask('write');
      saved.push(await ask('touch'), await ask('save'));
      return [saved, ...shown, (await visitor.get('/show')).json];
    });
    expect(theirs).toMatchObject([[false, true, false], { said: 1 }, { said: 2, list: [1, 2] }]);
    expect(ours).toEqual([theirs, theirs]);
  });

  it('ends with destroy(), and its socket stays open', async () => {
    const { theirs, ours } = await answers(async (visitor, ask) => [
      await ask('destroy'),
      (await visitor.get('/show')).json,
      await ask('ping'),
    ]);
    expect(theirs).toEqual([[false, 'undefined'], {}, 'pong']);
    expect(ours).toEqual([theirs, theirs]);
  });

  it('cannot give a client a new id, and says so', async () => {
    const { ours } = await answers((_visitor, ask) => ask('regenerate'));
    for (const code of ours) expect(code).toMatch(/^SESSION_(NO_RESPONSE|RESPONSE_BEGUN)$/);
  });

  it('stays ended if another request has ended it, and save() says so', async () => {
    const { ours } = await answers(async (visitor, ask) => {
      await visitor.post('/out');
      await ask('write');
      return [await ask('save'), await ask('reload'), (await visitor.get('/show')).json];
    });
    const ended = ['SESSION_DESTROYED', 'SESSION_DESTROYED', {}];
    expect(ours).toEqual([ended, ended]);
  });
});

describe('request.session in an upgrade listener', () => {
  it('is empty without a cookie', async () => {
    for (const app of apps) {
      await expect(open(connectRaw, app, 'SID=unknown')).rejects.toThrow('401');
    }
  });

  it('is not there if the store fails, which the callback gets as an error', async () => {
    const app = await startSessionApp({
      controllers: [AppController],
      options: { memcached: { servers: '127.0.0.1:1', timeout: 500 } },
    });
    const errors = errorsOf(app.app.getHttpServer() as Server);
    const cookie = `SID=${'A'.repeat(43)}`;
    await expect(connectRaw(app as Started, cookie)).rejects.toThrow();
    expect(errors).toEqual([expect.objectContaining({ code: 'SESSION_STORE_UNAVAILABLE' })]);
    await app.close();
  });

  it('is not there on another server, and the error names the remedy', async () => {
    const server = createServer();
    const errors = errorsOf(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    await expect(connectRaw({ url } as Started, '')).rejects.toThrow();
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'SESSION_MODULE_MISSING',
        message: expect.stringContaining('app.getHttpServer()'),
      }),
    ]);
    server.close();
  });
});

/** Refuses all handshakes, and returns the errors that the callback gets. */
function errorsOf(server: Server): unknown[] {
  const errors: unknown[] = [];
  const parse = requestSession();
  server.on('upgrade', (request, socket) =>
    parse(request, {}, (error?: unknown) => {
      errors.push(error);
      socket.destroy();
    }),
  );
  return errors;
}
