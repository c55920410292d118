import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import {
  connectGateway,
  SOCKET_PLATFORMS,
  useSockets,
  type GatewayClient,
} from '../support/gateway-client.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import type { Visitor } from '../support/http-client.js';
import { PLATFORMS } from '../support/session-app.js';
import { type Arrival, PagesController, RoomGateway } from './room-gateway.js';

describe.each(
  PLATFORMS.flatMap((platform) => SOCKET_PLATFORMS.map((sockets) => ({ platform, sockets }))),
)('gateways with $sockets, on $platform', ({ platform, sockets }) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const clients: GatewayClient[] = [];
  const commands = () => wire.commands.map(({ name }) => name);

  async function connect(visitor: Visitor): Promise<GatewayClient> {
    const client = await connectGateway(sockets, app.url, visitor.cookie);
    clients.push(client);
    return client;
  }

  async function signedIn() {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    return visitor;
  }

  const entries = async (visitor: Visitor) => (await visitor.get('/entries')).json as unknown;

  const app = useSessionApp(() => ({
    platform,
    options: { memcached: { servers: wire.server, timeout: 300 }, maxBytes: 1000 },
    controllers: [PagesController],
    providers: [RoomGateway],
    prepare: useSockets(sockets),
  }));

  beforeEach(() => wire.reset());

  afterEach(() => {
    RoomGateway.greets = false;
    RoomGateway.onDeparture = undefined;
    for (const client of clients.splice(0)) client.close();
  });

  describe('the session', () => {
    it('is that of the cookie in the handshake', async () => {
      const client = await connect(await signedIn());
      expect((await client.ask('read')).data).toEqual({ name: 'Ada', isNew: false });
    });

    it('is new and empty without a cookie', async () => {
      const client = await connect(app.visitor());
      expect((await client.ask('read')).data).toEqual({ name: null, isNew: true });
    });

    it('gives entries by key, through pipes, next to the message', async () => {
      const client = await connect(await signedIn());
      expect((await client.ask('key', 'hello')).data).toEqual({ count: 0, body: 'hello' });
    });

    it('is read again for each message', async () => {
      const visitor = await signedIn();
      const [one, other] = [await connect(visitor), await connect(visitor)];
      expect((await one.ask('increment')).data).toBe(1);
      expect((await other.ask('increment')).data).toBe(2);
      expect((await one.ask('increment')).data).toBe(3);
      expect(await entries(visitor)).toMatchObject({ count: 3 });
    });

    it('can be read-only', async () => {
      const client = await connect(await signedIn());
      const { data } = await client.ask('glance');
      expect(data).toEqual({ name: 'Ada', code: 'SESSION_READ_ONLY' });
    });

    it('is shared by guards, interceptors and the handler of a message', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('read');
      wire.reset();
      expect((await client.ask('guarded')).data).toBe(2);
      expect(commands()).toEqual(['mg', 'cas']);
      expect((await client.ask('noted')).data).toBe('before');
      expect(await entries(visitor)).toMatchObject({ noted: 'after', seenByGuard: 2 });
    });

    it('keeps changes of a guard that refuses the message', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('forget');
      expect((await client.ask('guarded')).event).toBe('exception');
      await client.ask('ping');
      expect(await entries(visitor)).toEqual({ count: 0, seenByGuard: 1 });
    });

    it('is available when a client connects, and saved by save()', async () => {
      const visitor = await signedIn();
      RoomGateway.greets = true;
      const arrived = new Promise<Arrival>((resolve) => (RoomGateway.onArrival = resolve));
      wire.reset();
      await connect(visitor);
      expect(await arrived).toEqual({ name: 'Ada', isNew: false });
      expect(commands()).toEqual(['mg', 'cas']);
      expect(await entries(visitor)).toMatchObject({ arrivals: 1 });
    });
  });

  describe('round trips to memcached', () => {
    it('are one to connect with a session, none without', async () => {
      const visitor = await signedIn();
      wire.reset();
      await (await connect(visitor)).ask('ping');
      expect(wire.commands.map(({ line }) => line)).toEqual([
        expect.stringMatching(/^mg sess:\S+ k c v T1201$/),
      ]);
      wire.reset();
      await (await connect(app.visitor())).ask('read');
      expect(commands()).toEqual([]);
    });

    it('are 0 for a message that ignores the session, 1 for a read, 2 for a write', async () => {
      const client = await connect(await signedIn());
      await client.ask('ping');
      wire.reset();
      await client.ask('ping');
      expect(commands()).toEqual([]);
      await client.ask('read');
      expect(wire.commands.map(({ line }) => line)).toEqual([
        expect.stringMatching(/^mg sess:\S+ k c v T1201$/),
      ]);
      wire.reset();
      await client.ask('increment');
      expect(commands()).toEqual(['mg', 'cas']);
    });

    it('are 0 for messages of a visitor with an unknown id', async () => {
      const visitor = app.visitor();
      visitor.cookie = `SID=${'A'.repeat(43)}`;
      const client = await connect(visitor);
      expect((await client.ask('read')).data).toMatchObject({ isNew: true });
      wire.reset();
      expect((await client.ask('read')).data).toMatchObject({ isNew: true });
      expect(commands()).toEqual([]);
      expect(client.isOpen).toBe(true);
    });
  });

  describe('before anything is sent', () => {
    it('stores what a handler changed before it threw', async () => {
      const visitor = await signedIn();
      expect((await (await connect(visitor)).ask('throw')).event).toBe('exception');
      expect(await entries(visitor)).toMatchObject({ attempted: true });
    });

    it('stores changes before each value of a stream, and after the last', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      client.send('stream');
      for (const n of [1, 2, 3]) {
        expect((await client.next()).data).toBe(n);
        expect(await entries(visitor)).toMatchObject({ streamed: n });
        await new Promise<void>((resolve) => RoomGateway.beats.once('heard', resolve).emit('beat'));
      }
      await client.next();
      expect(await entries(visitor)).toMatchObject({ streamed: 3, streamEnded: true });
    });

    it('stores changes before an exception is sent, or sends why they could not be stored', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      expect((await client.ask('told')).data).toBe('no');
      expect(await entries(visitor)).toMatchObject({ attempts: 1 });
      wire.failWrites(true);
      expect((await client.ask('told')).data).toBe('SESSION_STORE_UNAVAILABLE');
      wire.failWrites(false);
    });

    it('stores changes of a handler without an answer', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      client.send('silent');
      while (!wire.commands.some(({ name }) => name === 'cas')) await client.ask('ping');
      expect(await entries(visitor)).toMatchObject({ silent: 1 });
      wire.failWrites(true);
      expect((await client.ask('silent')).event).toBe('exception');
      wire.failWrites(false);
    });

    it('sends no answer but an exception if changes cannot be stored', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      expect(await client.ask('large')).toMatchObject({
        event: 'exception',
        data: { status: 'error' },
      });
      expect(await entries(visitor)).not.toHaveProperty('large');
      expect(app.logged.errors.filter((line) => line.includes('TooLarge'))).toHaveLength(1);
      wire.failWrites(true);
      expect((await client.ask('increment')).event).toBe('exception');
      wire.failWrites(false);
      expect((await client.ask('increment')).data).toBe(1);
    });
  });

  describe('parallel messages of one session', () => {
    it('lose nothing: 50 on five sockets', async () => {
      const visitor = await signedIn();
      const five = await Promise.all([1, 2, 3, 4, 5].map(() => connect(visitor)));
      for (const [n, client] of five.entries()) {
        for (let i = 0; i < 5; i++) {
          client.send('increment');
          client.send('set', [`key${n}.${i}`, i]);
        }
      }
      for (const client of five) {
        for (let i = 0; i < 10; i++) expect((await client.next()).event).toBe('answer');
      }
      const all = (await entries(visitor)) as { count: number };
      expect(all.count).toBe(25);
      expect(Object.keys(all)).toHaveLength(27);
    });
  });

  describe('a client that disconnects', () => {
    const stored = async (visitor: Visitor) => {
      while (!wire.commands.some(({ name }) => name === 'cas')) await visitor.get('/nowhere');
      return entries(visitor);
    };

    /** The client of a message, from within. */
    const goesMeanwhile = (client: GatewayClient) => () => {
      const departed = new Promise<void>((resolve) => (RoomGateway.onDeparture = resolve));
      client.close();
      return departed;
    };

    it('while its message is handled has the changes stored when the handler ends', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('ping');
      RoomGateway.others = goesMeanwhile(client);
      wire.reset();
      client.send('afterwards');
      expect(await stored(visitor)).toMatchObject({ afterwards: 1 });
    });

    it('because the handler disconnected it has later changes stored', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('ping');
      wire.reset();
      client.send('farewell');
      expect(await stored(visitor)).toMatchObject({ farewell: true });
    });

    it("before its message is handled has the guard's changes stored, and the handler is not called", async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('ping');
      RoomGateway.others = goesMeanwhile(client);
      wire.reset();
      client.send('waiting');
      expect(await stored(visitor)).toEqual({ name: 'Ada', count: 0, waited: true });
    });
  });

  describe('a change that needs a cookie', () => {
    it('is refused in a message: a new session, a new id', async () => {
      const nobody = await connect(app.visitor());
      expect((await nobody.ask('write')).data).toBe('SESSION_NO_RESPONSE');
      expect((await nobody.ask('new-id')).data).toBe('SESSION_NO_RESPONSE');
      const somebody = await connect(await signedIn());
      expect((await somebody.ask('new-id')).data).toBe('SESSION_NO_RESPONSE');
      expect((await somebody.ask('read')).data).toMatchObject({ name: 'Ada' });
    });
  });

  describe('an outage', () => {
    it('gives an exception to messages that use the session, and closes no socket', async () => {
      const client = await connect(await signedIn());
      await client.ask('read');
      await wire.refuse(true);
      wire.cut();
      expect((await client.ask('read')).event).toBe('exception');
      expect((await client.ask('ping')).data).toBe('pong');
      await wire.refuse(false);
      let received = await client.ask('read');
      while (received.event === 'exception') received = await client.ask('read');
      expect(received.data).toMatchObject({ name: 'Ada' });
      expect(app.logged.errors.filter((line) => line.includes('SessionStoreError'))).toEqual([]);
    });
  });

  describe('the end of a session', () => {
    const told = sockets === 'ws' ? 4401 : 'io server disconnect';

    it('closes its sockets at once if this process ends it', async () => {
      const visitor = await signedIn();
      const [one, other] = [await connect(visitor), await connect(visitor)];
      const stranger = await connect(await signedIn());
      await visitor.post('/sign-out');
      expect(await Promise.all([one.closed, other.closed])).toEqual([told, told]);
      expect((await stranger.ask('read')).data).toMatchObject({ name: 'Ada' });
    });

    it('by a message lets it be answered, then closes all sockets', async () => {
      const visitor = await signedIn();
      const [one, other] = [await connect(visitor), await connect(visitor)];
      expect((await one.ask('destroy')).data).toBe('bye');
      expect(await Promise.all([one.closed, other.closed])).toEqual([told, told]);
      expect(await entries(visitor)).toEqual({});
    });

    it('by others closes its sockets at their next message', async () => {
      const client = await connect(await signedIn());
      await client.ask('read');
      await memcached.flush();
      expect((await client.ask('read')).event).toBe('exception');
      expect(await client.closed).toBe(told);
      expect(app.logged.errors.filter((line) => line.includes('ended'))).toEqual([]);
    });

    it('while a message is handled is reported to the message, not success', async () => {
      const client = await connect(await signedIn());
      RoomGateway.others = () => memcached.flush();
      expect((await client.ask('meanwhile')).event).toBe('exception');
      expect(await client.closed).toBe(told);
    });

    it('while many messages are handled is final, and not logged as a failure', async () => {
      const visitor = await signedIn();
      const { cookie } = visitor;
      const client = await connect(visitor);
      await client.ask('ping');
      let begun = 0;
      let end: () => void = () => undefined;
      const over = new Promise<void>((resolve) => (end = resolve));
      const allBegun = new Promise<void>((resolve) => {
        RoomGateway.others = () => {
          if (++begun === 20) resolve();
          return over;
        };
      });
      for (let n = 0; n < 20; n++) client.send('afterwards');
      await allBegun;
      await visitor.post('/sign-out');
      wire.reset();
      end();
      await client.closed;
      const thief = app.visitor();
      thief.cookie = cookie;
      expect(await entries(thief)).toEqual({});
      expect(wire.commands.map(({ name }) => name)).not.toContain('add');
      expect(app.logged.errors.filter((line) => line.includes('ended'))).toEqual([]);
    });

    it('while a message is handled that ignores errors closes the socket nevertheless', async () => {
      const client = await connect(await signedIn());
      RoomGateway.others = () => memcached.flush();
      expect((await client.ask('careless')).data).toBe('stored?');
      expect(await client.closed).toBe(told);
    });

    it("by a new id while a message is handled keeps the message's changes", async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      RoomGateway.others = () => visitor.post('/new-id');
      expect((await client.ask('meanwhile')).data).toBe('stored');
      expect(await entries(visitor)).toMatchObject({ changed: true });
    });

    it("by a sign-in while a message is handled drops the message's changes", async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      RoomGateway.others = () => visitor.post('/user');
      expect((await client.ask('meanwhile')).event).toBe('exception');
      expect(await client.closed).toBe(told);
      expect(await entries(visitor)).toEqual({ name: 'Ada', count: 0 });
    });

    it('by a new id closes the socket, which has the old one, and its client connects again', async () => {
      const visitor = await signedIn();
      const client = await connect(visitor);
      await client.ask('read');
      await visitor.post('/new-id');
      expect((await client.ask('increment')).event).toBe('exception');
      expect(await client.closed).toBe(told);
      expect(await entries(visitor)).toMatchObject({ count: 0 });
      expect((await (await connect(visitor)).ask('read')).data).toMatchObject({ name: 'Ada' });
    });
  });
});
