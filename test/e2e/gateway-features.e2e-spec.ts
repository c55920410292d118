import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { Socket } from 'socket.io-client';

import type { SessionModuleOptions } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { connectSocketIo } from '../support/gateway-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { LogRecord, startSessionApp, type SessionApp } from '../support/session-app.js';
import {
  AdminGateway,
  LateGateway,
  LateInterceptor,
  ManagerGateway,
  PagesController,
  RoomGateway,
} from './feature-gateways.js';

describe('gateways with Socket.IO', () => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let app: SessionApp | undefined;
  const clients: Socket[] = [];

  async function start(
    options: SessionModuleOptions = {},
    more: { clock?: TestClock; prepare?: (app: INestApplication) => void } = {},
  ): Promise<SessionApp> {
    await app?.close();
    app = await startSessionApp({
      options: {
        memcached: { servers: wire.server, timeout: 300 },
        socketSweep: false,
        ...options,
      },
      controllers: [PagesController],
      providers: [RoomGateway, AdminGateway, LateGateway, ManagerGateway],
      clock: more.clock?.now,
      prepare: more.prepare,
    });
    return app;
  }

  async function signedIn() {
    const visitor = app!.visitor();
    await visitor.post('/sign-in');
    return visitor;
  }

  async function connect(cookie?: string, path = '', transports?: string[]): Promise<Socket> {
    const socket = connectSocketIo(app!.url + path, cookie, transports);
    clients.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  }

  const ask = (socket: Socket, event: string): Promise<unknown> =>
    socket.timeout(5000).emitWithAck(event);

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  afterAll(async () => {
    await app?.close();
    await wire.close();
    await memcached.stop();
  });

  it('acknowledge after the commit, whatever calls the acknowledgement', async () => {
    await start();
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    for (const event of ['returned', 'acknowledged']) {
      expect(await ask(socket, event)).toBe('stored');
      expect((await visitor.get('/entries')).json).toHaveProperty(event);
    }
  });

  it.each(['returned', 'acknowledged'])(
    'send one exception and no answer if the commit fails: %s',
    async (event) => {
      const { logged } = await start();
      const socket = await connect((await signedIn()).cookie);
      await ask(socket, 'name');
      wire.failWrites(true);
      let acknowledged = false;
      const exceptions: unknown[] = [];
      socket.on('exception', (exception) => exceptions.push(exception));
      const told = new Promise((resolve) => socket.once('exception', resolve));
      socket.emit(event, () => (acknowledged = true));
      await told;
      wire.failWrites(false);
      expect(await ask(socket, 'name')).toBe('Ada');
      expect(acknowledged).toBe(false);
      expect(exceptions).toHaveLength(1);
      expect(logged.errors.filter((line) => line.includes('not stored'))).toEqual([]);
    },
  );

  it('acknowledge after the commit long after the message is done', async () => {
    const { logged } = await start({ maxBytes: 1000 });
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    const answers: unknown[] = [];
    for (const size of [1, 2000]) {
      const over = new Promise<void>((resolve) => (RoomGateway.onLate = resolve));
      socket.emit('late', (answer: unknown) => answers.push(answer));
      await over;
      expect(await ask(socket, 'name')).toBe('Ada');
      RoomGateway.size = size;
      RoomGateway.acknowledgeLate();
      expect((await visitor.get('/entries')).json).toMatchObject({ lately: 'x' });
    }
    // No client is left who could learn that the second was not stored.
    expect(answers).toEqual(['stored']);
    expect(logged.errors).toEqual([expect.stringContaining('SessionTooLargeError')]);
  });

  it('do not log an error of a filter as a session that was not stored', async () => {
    const { logged } = await start();
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    socket.emit('rethrown');
    while (logged.errors.length === 0) await ask(socket, 'name');
    expect(logged.errors).toEqual(['Error: a fault of the application']);
    expect((await visitor.get('/entries')).json).toMatchObject({ rethrown: true });
  });

  it('close the socket after a guard ended the session, also if a filter throws', async () => {
    await start();
    const socket = await connect((await signedIn()).cookie);
    const closed = new Promise((resolve) => socket.once('disconnect', resolve));
    socket.emit('ended');
    expect(await closed).toBe('io server disconnect');
  });

  it('do not fail a request that ends a session by a listener that throws at close', async () => {
    const { logged } = await start();
    const visitor = await signedIn();
    const sockets = [await connect(visitor.cookie), await connect(visitor.cookie)];
    const closed = sockets.map((socket) => new Promise((done) => socket.once('disconnect', done)));
    for (const socket of app!.app.get(RoomGateway).server.sockets.sockets.values()) {
      socket.on('disconnect', () => {
        throw new Error('a fault of the application');
      });
    }
    expect((await visitor.post('/sign-out')).status).toBe(201);
    await Promise.all(closed);
    // Both were closed; of the same fault there is one line a minute.
    expect(logged.errors).toHaveLength(1);
    expect(logged.errors[0]).toContain('not closed as it should be: Error: a fault of the app');
  });

  it('close the whole connection when a session ends, also its namespaces without gateways', async () => {
    await start();
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    app!.app.get(RoomGateway).server.of('/no-gateway');
    const other = socket.io.socket('/no-gateway');
    await new Promise<void>((resolve) => other.connect().once('connect', resolve));
    const closed = new Promise((resolve) => other.once('disconnect', resolve));
    await visitor.post('/sign-out');
    await closed;
  });

  it('have a session with every transport of the handshake, and in each namespace', async () => {
    await start();
    const { cookie } = await signedIn();
    expect(await ask(await connect(cookie, '', ['polling']), 'name')).toBe('Ada');
    expect(await ask(await connect(cookie, '', ['polling', 'websocket']), 'name')).toBe('Ada');
    expect(await ask(await connect(cookie, '/admin'), 'name')).toBe('admin Ada');
  });

  it('share one lookup of the session when a socket opens', async () => {
    await start();
    const { cookie } = await signedIn();
    wire.reset();
    expect(await ask(await connect(cookie), 'name')).toBe('Ada');
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'mg']);
  });

  it('with secrets accept a signed cookie only', async () => {
    await start({ secrets: 'a'.repeat(32) });
    const { cookie } = await signedIn();
    expect(await ask(await connect(cookie), 'name')).toBe('Ada');
    const unsigned = cookie.replace(/^SID=s(%3A|:)([\w-]{43})\..*$/, 'SID=$2');
    expect(unsigned).not.toBe(cookie);
    expect(await ask(await connect(unsigned), 'name')).toBe('nobody');
  });

  it('have no session with two different cookies', async () => {
    const { logged } = await start();
    const [one, other] = [await signedIn(), await signedIn()];
    const socket = await connect(`${one.cookie}; ${other.cookie}`);
    expect(await ask(socket, 'name')).toBe('nobody');
    expect(logged.warnings).toContainEqual(expect.stringContaining('two different'));
  });

  it('read the id from the cookie only, not from the query or Socket.IO’s own credentials', async () => {
    await start();
    const { cookie } = await signedIn();
    const id = cookie.replace('SID=', '');
    const socket = connectSocketIo(`${app!.url}/?SID=${id}&session=${id}`);
    socket.auth = { SID: id, token: id, cookie };
    clients.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    expect(await ask(socket, 'name')).toBe('nobody');
  });

  it('keep the session unchanged when messages of other clients read it', async () => {
    await start();
    const visitor = await signedIn();
    await connect(app!.visitor().cookie);
    const socket = await connect(visitor.cookie);
    const seen = (await ask(socket, 'others')) as { name: string }[];
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual({ name: 'Ada', asked: true });
    expect(seen).toContainEqual({ asked: false });
  });

  it('read the session again in work that outlives its message, which can call save()', async () => {
    await start();
    const visitor = await signedIn();
    expect(await ask(await connect(visitor.cookie), 'later')).toBe('soon');
    const { isSame, found } = await RoomGateway.outlived;
    expect(isSame).toBe(false);
    found.later = 2;
    await found.save();
    expect((await visitor.get('/entries')).json).toMatchObject({ later: 2 });
  });

  it('store changes of a global interceptor before the answer', async () => {
    await start({}, { prepare: (nest) => nest.useGlobalInterceptors(new LateInterceptor()) });
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    expect(await ask(socket, 'name')).toBe('Ada');
    expect((await visitor.get('/entries')).json).toMatchObject({ late: 1 });
    wire.failWrites(true);
    wire.reset();
    let answered = false;
    socket.emit('name', () => (answered = true));
    while (!wire.commands.some(({ name }) => name === 'cas')) await visitor.get('/nowhere');
    wire.failWrites(false);
    expect(await ask(socket, 'name')).toBe('Ada');
    expect(answered).toBe(false);
    expect((await visitor.get('/entries')).json).toMatchObject({ late: 2 });
  });

  it("also store changes of a gateway's interceptor, or send an exception", async () => {
    await start();
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    expect(await ask(socket, 'intercepted')).toBe('intercepted');
    expect((await visitor.get('/entries')).json).toMatchObject({ late: 1 });
    wire.failWrites(true);
    const told = new Promise((resolve) => socket.once('exception', resolve));
    socket.emit('intercepted');
    expect(await told).toMatchObject({ status: 'error' });
    wire.failWrites(false);
  });

  it('leave a persistent cookie to HTTP responses, which can send it', async () => {
    const clock = new TestClock();
    await start({ cookie: { persistent: true } }, { clock });
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    await ask(socket, 'name');
    clock.pass(700);
    wire.reset();
    await ask(socket, 'returned');
    await ask(socket, 'name');
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'cas', 'mg']);
    expect((await visitor.get('/entries')).setCookies).toHaveLength(1);
  });

  it('do not rotate the id, and follow a rotation during the grace period only', async () => {
    const clock = new TestClock();
    await start({ rotateEvery: 60, rotateGrace: 10 }, { clock });
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    clock.pass(61);
    expect(await ask(socket, 'name')).toBe('Ada');
    expect((await visitor.get('/entries')).setCookies).toHaveLength(1);
    expect(await ask(socket, 'name')).toBe('Ada');
    const closed = new Promise((resolve) => socket.once('disconnect', resolve));
    clock.pass(11);
    socket.emit('name');
    await closed;
    expect(await ask(await connect(visitor.cookie), 'name')).toBe('Ada');
  });

  it("serve onOutage: 'anonymous' without a session", async () => {
    await start({ onOutage: 'anonymous' });
    const socket = await connect((await signedIn()).cookie);
    expect(await ask(socket, 'name')).toBe('Ada');
    await wire.refuse(true);
    wire.cut();
    expect(await ask(socket, 'name')).toBe('nobody');
    await wire.refuse(false);
    expect(socket.connected).toBe(true);
  });

  it("inject the message's SessionManager, which throws a clear error outside of a message", async () => {
    await start();
    const visitor = await signedIn();
    const socket = await connect(visitor.cookie);
    for (const n of [1, 2]) {
      const refused = 'SESSION_NO_RESPONSE';
      expect(await ask(socket, 'managed')).toEqual([n, refused, refused]);
    }
    expect((await visitor.get('/entries')).json).toMatchObject({ managed: 2 });
    expect(ManagerGateway.atConnection).toBe('SESSION_NO_MESSAGE');
  });

  it('throw a clear error without the module', async () => {
    const logged = new LogRecord();
    const module = await Test.createTestingModule({ providers: [RoomGateway] })
      .setLogger(logged)
      .compile();
    const nest = module.createNestApplication();
    await nest.listen(0, '127.0.0.1');
    const socket = connectSocketIo(await nest.getUrl());
    clients.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const told = new Promise((resolve) => socket.once('exception', resolve));
    socket.emit('name');
    await told;
    expect(logged.errors.join()).toContain('No SessionModule serves this socket');
    await nest.close();
  });
});

it('an application without gateways is not changed', async () => {
  const app = await startSessionApp({ controllers: [PagesController] });
  const config = app.app.get(ApplicationConfig);
  expect(Object.hasOwn(config, 'setIoAdapter')).toBe(false);
  await app.close();
});
