import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { WebSocketAdapter } from '@nestjs/common';

import { NOT_SENT } from '../../src/http/received-id.js';
import type { SessionEdge } from '../../src/http/request-session.js';
import { sessionOf } from '../../src/http/session-of.js';
import { SessionTelemetry } from '../../src/session/telemetry.js';
import { SessionSockets } from '../../src/sockets/session-sockets.js';
import { SocketRegistry } from '../../src/sockets/registry.js';
import { Gate } from '../support/gate.js';
import { SessionWorld } from '../support/session-world.js';

/** A socket at this end. */
class Client {
  readonly request: object;
  readonly closedWith: number[] = [];
  disconnected: () => void = () => undefined;

  /** `id`: what its handshake brought. */
  constructor(id?: string) {
    this.request = { headers: { id } };
  }

  close(code: number): void {
    this.closedWith.push(code);
  }
}

const adapter: Pick<WebSocketAdapter<any, Client>, 'bindClientDisconnect'> = {
  bindClientDisconnect: (client, disconnected: () => void) => {
    client.disconnected = disconnected;
  },
};

describe('the sockets of an application', () => {
  /** Listeners for removals by other processes. */
  const told = new Set<(key: string) => void>();
  const watchRemovals = (onRemoved: (key: string) => void) => {
    told.add(onRemoved);
    return () => void told.delete(onRemoved);
  };
  /** How many messages were reported as cut off. */
  let cutOff: number[];
  let world: SessionWorld;
  let registry: SocketRegistry;
  let sockets: SessionSockets;

  beforeEach(() => {
    jest.useFakeTimers();
    cutOff = [];
    world = new SessionWorld();
    registry = new SocketRegistry();
    const transport = {
      read: ({ headers: { id } }: { headers: { id?: string } }) =>
        id === undefined ? NOT_SENT : { ...NOT_SENT, ticket: { id, secret: 0 } },
    };
    const telemetry = new SessionTelemetry();
    const log = { messagesCutOff: (count: number) => cutOff.push(count) };
    const { repository } = world;
    const edge = { repository, transport, telemetry, log } as unknown as SessionEdge;
    sockets = new SessionSockets(edge, registry, 60, watchRemovals);
  });

  afterEach(() => {
    sockets.stop();
    jest.useRealTimers();
  });

  /** Answers when its session has been looked for. */
  async function connect(id?: string): Promise<Client> {
    const client = new Client(id);
    sockets.onConnect(adapter as WebSocketAdapter, client);
    await sockets.onMessage(client, () => Promise.resolve(), [], 'hello');
    return client;
  }

  it('are registered while they are open, if they have a session', async () => {
    const id = await world.stored();
    const [one, other] = [await connect(id), await connect(id)];
    expect(registry.bySession().map(({ length }) => length)).toEqual([2]);
    one.disconnected();
    expect(registry.bySession().map(({ length }) => length)).toEqual([1]);
    other.disconnected();
    expect(registry.bySession()).toEqual([]);
  });

  it('are unregistered when they are being closed, before the client answers', async () => {
    const client = await connect(await world.stored());
    for (const socket of registry.bySession().flat()) socket.close();
    expect(client.closedWith).toEqual([4401]);
    expect(registry.bySession()).toEqual([]);
  });

  it('do not use the store after they have ended', async () => {
    const client = await connect(await world.stored());
    for (const socket of registry.bySession().flat()) socket.close();
    world.store.calls.length = 0;
    await expect(sessionOf(client)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(world.store.calls).toEqual([]);
  });

  describe('at the end of their application', () => {
    /** A message whose handler has used its session, and waits. */
    async function message(): Promise<Gate> {
      const client = await connect(await world.stored({ count: 1 }));
      const gate = new Gate();
      const handle = async () => {
        const session = await sessionOf(client);
        await gate.pass();
        session.increment('count');
      };
      void sockets.onMessage(client, handle, [], 'late');
      await gate.reached;
      return gate;
    }

    it('do not wait if no message uses a session', async () => {
      await connect(await world.stored());
      await sockets.end();
      expect(cutOff).toEqual([]);
    });

    it('wait for messages that do, until what they change is stored', async () => {
      const gate = await message();
      const ended = sockets.end();
      world.store.calls.length = 0;
      gate.release();
      await ended;
      expect(world.store.calls).toEqual(['update']);
      expect(cutOff).toEqual([]);
    });

    it('wait for 10 s at most, and report how many messages were cut off', async () => {
      const gates = [await message(), await message()];
      const ended = sockets.end();
      gates[0]!.release();
      await jest.advanceTimersByTimeAsync(10_000);
      await ended;
      expect(cutOff).toEqual([1]);
    });
  });

  it('are not registered without an id or with an unknown id', async () => {
    await connect();
    await connect('A'.repeat(43));
    expect(registry.bySession()).toEqual([]);
  });

  it.each([
    { upgrade: true, how: 'a WebSocket: its connection is closed' },
    { upgrade: false, how: 'polling: its connection, which may be others’ as well, is left alone' },
  ])('whose session ends between two uses in the handshake of $how', async ({ upgrade }) => {
    const id = await world.stored();
    const destroy = jest.fn();
    const socket = Object.assign(new EventEmitter(), { destroy });
    const handshake = { headers: { id }, upgrade, socket } as unknown as IncomingMessage;
    await sockets.sessionOf(handshake, undefined).load();
    expect(registry.bySession()).toHaveLength(upgrade ? 1 : 0);
    world.store.drop(world.keyOf(id));
    const again = sockets.sessionOf(handshake, undefined).load();
    await expect(again).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    jest.advanceTimersByTime(1);
    expect(destroy).toHaveBeenCalledTimes(upgrade ? 1 : 0);
    expect(registry.bySession()).toEqual([]);
  });

  it('are registered once, also if their handshake is used after they have opened', async () => {
    const client = await connect(await world.stored());
    const handshake = Object.assign(client.request, { upgrade: true, socket: new EventEmitter() });
    await sockets.sessionOf(handshake as unknown as IncomingMessage, client).load();
    expect(registry.bySession().map(({ length }) => length)).toEqual([1]);
  });

  it('are closed at once if the store reports that another process has ended their session', async () => {
    await connect();
    expect(told.size).toBe(0);
    const [ended, other] = [await world.stored(), await world.stored()];
    const clients = [await connect(ended), await connect(ended), await connect(other)];
    expect(told.size).toBe(1);
    for (const tell of told) tell(world.keyOf(ended));
    expect(clients.map(({ closedWith }) => closedWith)).toEqual([[4401], [4401], []]);
    sockets.stop();
    expect(told.size).toBe(0);
  });

  it('are swept from the first socket with an id on, until the application closes', async () => {
    await connect();
    expect(jest.getTimerCount()).toBe(0);
    await connect(await world.stored());
    await connect(await world.stored());
    expect(jest.getTimerCount()).toBe(1);
    sockets.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
