import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { SessionRepository } from '../../src/session/repository.js';
import type { SessionState } from '../../src/session/session-state.js';
import { SessionStoreError } from '../../src/session/errors.js';
import { UserSessions } from '../../src/session/users/user-sessions.js';
import { SocketRegistry, type RegisteredSocket } from '../../src/sockets/registry.js';
import { SocketSweep } from '../../src/sockets/sweep.js';
import { SessionWorld } from '../support/session-world.js';

/** A socket that records the calls of its methods. */
class Socket implements RegisteredSocket {
  readonly told: string[] = [];
  readonly ticket;

  constructor(id: string) {
    this.ticket = { id, secret: 0 };
  }

  onRemoved(): void {
    this.told.push('removed');
  }

  close(): void {
    this.told.push('closed');
  }
}

describe('sockets with sessions', () => {
  let world: SessionWorld;
  let registry: SocketRegistry;
  let sweep: SocketSweep;

  beforeEach(() => {
    world = new SessionWorld({ rotateEvery: 60, rotateGrace: 10 });
    registry = new SocketRegistry();
    sweep = new SocketSweep(registry, world.repository, 60);
  });

  afterEach(() => {
    sweep.stop();
    jest.useRealTimers();
  });

  function open(id: string): Socket {
    const socket = new Socket(id);
    registry.add(world.keyOf(id), socket);
    return socket;
  }

  describe('in a sweep', () => {
    it('are closed if their session does not exist', async () => {
      const [here, gone] = [open(await world.stored()), open(await world.stored())];
      world.store.drop(world.keyOf(gone.ticket.id));
      await sweep.run();
      expect([here.told, gone.told]).toEqual([[], ['closed']]);
    });

    it('are closed together, by one read that does not renew', async () => {
      const id = await world.stored();
      const sockets = [open(id), open(id)];
      world.store.calls.length = 0;
      world.store.lives.clear();
      await sweep.run();
      expect(world.store.calls).toEqual(['find']);
      expect(world.store.lives.size).toBe(0);
      world.store.drop(world.keyOf(id));
      await sweep.run();
      expect(sockets.map(({ told }) => told)).toEqual([['closed'], ['closed']]);
    });

    it('are closed if their session has another id, after the grace period', async () => {
      const id = await world.stored();
      const socket = open(id);
      world.clock.pass(61);
      await world.repository.commit(await world.found(id), true);
      await sweep.run();
      expect(socket.told).toEqual([]);
      world.clock.pass(10);
      await sweep.run();
      expect(socket.told).toEqual(['closed']);
    });

    it('are closed if their session ended with its other id, also in the grace period', async () => {
      const id = await world.stored();
      const socket = open(id);
      world.clock.pass(61);
      const renewed = await world.found(id);
      await world.repository.commit(renewed, true);
      world.store.lives.clear();
      await sweep.run();
      expect(socket.told).toEqual([]);
      expect(world.store.lives.size).toBe(0);
      await world.repository.destroy(renewed);
      await sweep.run();
      expect(socket.told).toEqual(['closed']);
    });

    it('are closed at once after a sign-in, which has no grace period', async () => {
      const id = await world.stored();
      const socket = open(id);
      await world.repository.regenerate(await world.found(id));
      await sweep.run();
      expect(socket.told).toEqual(['closed']);
    });

    describe('of a signed-in user', () => {
      const signedIn = async (): Promise<SessionState> => {
        const session = world.repository.begin();
        return world.repository.signIn(session, { userId: 'ada', client: {} });
      };

      it('are closed if their session was revoked, even if its record was not removed', async () => {
        const { id, key } = await signedIn();
        const socket = open(id);
        await sweep.run();
        expect(socket.told).toEqual([]);
        world.store.before('remove', () => Promise.reject(new SessionStoreError()));
        const revoked = usersOf(world.anotherProcess()).revokeAll('ada');
        await expect(revoked).rejects.toBeInstanceOf(SessionStoreError);
        expect(world.recordAt(key)).toBeDefined();
        await sweep.run();
        expect(socket.told).toEqual(['closed']);
      });

      it("are checked in the user's index, too, without renewal", async () => {
        const { id } = await signedIn();
        open(id);
        world.store.calls.length = 0;
        world.store.lives.clear();
        await sweep.run();
        expect(world.store.calls).toEqual(['find', 'find']);
        expect(world.store.lives.size).toBe(0);
      });

      it('are checked by the secret that signed their id', async () => {
        const [newest, older] = ['n'.repeat(32), 'o'.repeat(32)];
        const withSecrets = (...secrets: string[]) =>
          new SessionRepository(world.store, { ...world.policy, secrets });
        const before = withSecrets(older);
        const { id } = await before.signIn(before.begin(), { userId: 'ada', client: {} });
        expect(await withSecrets(newest, older).isThere({ id, secret: 1 })).toBe(true);
      });

      it('are not checked in the index again just after a request', async () => {
        const { id } = await signedIn();
        open(id);
        await world.found(id);
        world.store.calls.length = 0;
        await sweep.run();
        expect(world.store.calls).toEqual(['find']);
      });
    });

    it('stay open in an outage', async () => {
      const socket = open(await world.stored());
      world.store.isDown = true;
      await sweep.run();
      expect(socket.told).toEqual([]);
    });

    it('are not checked after they have closed', async () => {
      const socket = open(await world.stored());
      registry.delete(socket);
      registry.delete(socket);
      world.store.calls.length = 0;
      await sweep.run();
      expect(world.store.calls).toEqual([]);
    });

    it('are checked by one sweep at a time, however long it takes', async () => {
      open(await world.stored());
      const gate = world.store.hold('find');
      world.store.calls.length = 0;
      const first = sweep.run();
      await gate.reached;
      await sweep.run();
      expect(world.store.count('find')).toBe(1);
      gate.release();
      await first;
      await sweep.run();
      expect(world.store.count('find')).toBe(2);
    });

    it('are closed when all sessions end, also during an earlier sweep', async () => {
      const socket = open(await world.stored());
      const gate = world.store.hold('find');
      const early = sweep.run();
      await gate.reached;
      const ending = world.repository.generations.begin().then(() => sweep.runAgain());
      gate.release();
      await Promise.all([early, ending]);
      expect(socket.told).toContain('closed');
    });

    it('are all checked, many at a time', async () => {
      const sockets = await Promise.all(
        Array.from({ length: 250 }, async () => open(await world.stored())),
      );
      for (const { ticket } of sockets) world.store.drop(world.keyOf(ticket.id));
      await sweep.run();
      expect(sockets.every(({ told }) => told.length === 1)).toBe(true);
    });
  });

  it('are swept regularly, until stop()', async () => {
    open(await world.stored());
    jest.useFakeTimers();
    const run = jest.spyOn(sweep, 'run');
    sweep.start();
    jest.advanceTimersByTime(59_999);
    expect(run).not.toHaveBeenCalled();
    jest.advanceTimersByTime(60_001);
    expect(run).toHaveBeenCalledTimes(2);
    sweep.stop();
    jest.advanceTimersByTime(600_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('do not keep the process alive by sweeps', () => {
    const setting = jest.spyOn(globalThis, 'setInterval');
    sweep.start();
    expect(setting.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([
      false,
    ]);
    setting.mockRestore();
  });

  it('are notified when this process removes their session', async () => {
    const repository = new SessionRepository(registry.listenTo(world.store), world.policy);
    const [id, other] = [await world.stored(), await world.stored()];
    const sockets = [open(id), open(id), open(other)];
    const found = await world.found(id, repository);
    found.entries.set('visits', 2);
    await repository.commit(found);
    expect(sockets.map(({ told }) => told)).toEqual([[], [], []]);
    await repository.destroy(await world.found(id, repository));
    expect(sockets.map(({ told }) => told)).toEqual([['removed'], ['removed'], []]);
  });

  it('are notified when this process revokes their session', async () => {
    const repository = new SessionRepository(registry.listenTo(world.store), world.policy);
    const begun = repository.begin();
    const { id } = await repository.signIn(begun, { userId: 'ada', client: {} });
    const [socket, other] = [open(id), open(await world.stored())];
    await usersOf(repository).revokeAll('ada');
    expect([socket.told, other.told]).toEqual([['removed'], []]);
  });

  it.each(['changed', 'gone'] as const)(
    'are not notified of a removal that failed: %s',
    async (result) => {
      const id = await world.stored();
      const socket = open(id);
      const store = registry.listenTo(Object.assign(world.store, { remove: () => result }));
      expect(await store.remove(world.keyOf(id), 'version')).toBe(result);
      expect(socket.told).toEqual([]);
    },
  );

  it('pass all other operations to the store', async () => {
    const asked: unknown[][] = [];
    const note =
      (operation: string) =>
      (...args: unknown[]) => {
        asked.push([operation, ...args]);
        return Promise.resolve(undefined as never);
      };
    const store = { find: note('find'), create: note('create'), update: note('update') };
    const told = registry.listenTo({ ...store, remove: note('remove') });
    await told.find('k', 0);
    await told.create('k', 'text', 60);
    await told.update('k', 'text', 'version', 60, { isFinal: true });
    await told.remove('k', 'version');
    expect(asked).toEqual([
      ['find', 'k', 0],
      ['create', 'k', 'text', 60],
      ['update', 'k', 'text', 'version', 60, { isFinal: true }],
      ['remove', 'k', 'version'],
    ]);
  });
});

function usersOf({ users, generations }: SessionRepository): UserSessions {
  return new UserSessions(users, generations);
}
