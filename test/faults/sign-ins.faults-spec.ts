import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { visitor, type Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startNodeServer, type NodeServer } from '../support/node-server.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';

const USERS = Array.from({ length: 24 }, (_, n) => `user-${n}`);
/** Milliseconds after which a place without a session is free again, on a busy machine, too. */
const SECONDS = 20_000;
const POLL = 250;

type WhenTooMany = 'refuse' | 'end-oldest';

/** Two processes of one application, in which each user may have one session. */
async function startTwo(
  memcached: readonly string[],
  whenTooMany: WhenTooMany,
): Promise<NodeServer[]> {
  const options = { memcached, maxSessionsPerUser: 1, whenTooMany };
  const start = () => startNodeServer('sign-in-server.mjs', JSON.stringify(options));
  return Promise.all([start(), start()]);
}

/** A user who signs in again and again, as if with a new device each time. */
class User {
  readonly devices: Visitor[] = [];
  readonly statuses: number[] = [];

  constructor(
    readonly name: string,
    private readonly urls: readonly string[],
  ) {}

  async signIn(): Promise<number> {
    const device = visitor(this.urls[this.devices.length % this.urls.length]!);
    this.devices.push(device);
    const { status } = await device.post(`/sign-in/${this.name}`);
    this.statuses.push(status);
    return status;
  }

  async goOn(until: () => boolean): Promise<void> {
    while (!until()) {
      if ((await this.signIn()) !== 204) continue;
      if (this.devices.length % 2 === 0) await this.devices.at(-1)!.post('/sign-out');
    }
  }

  /** The devices that are signed in as this user; no device is ever another user. */
  async signedIn(): Promise<Visitor[]> {
    const answers = await Promise.all(this.devices.map((device) => device.get('/me')));
    const all = answers.map(({ json }) => (json as { user: string | null }).user);
    expect(all.filter((name) => name !== null && name !== this.name)).toEqual([]);
    return this.devices.filter((_, n) => all[n] !== null);
  }

  async listed(): Promise<number> {
    const { json } = await visitor(this.urls[0]!).get(`/list/${this.name}`);
    return (json as { count: number }).count;
  }

  /** Waits until the list has only the sessions of the devices. */
  async settles(): Promise<number> {
    for (const end = Date.now() + SECONDS; ; await delay(POLL)) {
      const [{ length: has }, listed] = [await this.signedIn(), await this.listed()];
      if (has === listed || Date.now() > end) return listed - has;
    }
  }

  /** The status of the next try, or of the first one that is not refused. */
  async signsInWithinSeconds(): Promise<number> {
    for (const end = Date.now() + SECONDS; ; await delay(POLL)) {
      const status = await this.signIn();
      if (status === 204 || Date.now() > end) return status;
    }
  }
}

const POLICIES: WhenTooMany[] = ['refuse', 'end-oldest'];

describe.each(POLICIES)('sign-ins with one session for each user, %s', (whenTooMany) => {
  let all: Memcached[];
  let servers: NodeServer[];
  let users: User[];

  async function open(memcached: number): Promise<void> {
    all = await Promise.all(Array.from({ length: memcached }, () => startMemcached()));
    const addresses = all.map(({ server }) => server);
    servers = await startTwo(addresses, whenTooMany);
    users = USERS.map(
      (name) =>
        new User(
          name,
          servers.map(({ url }) => url),
        ),
    );
  }

  afterEach(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(all.map((memcached) => memcached.stop()));
  });

  /** All users sign in during a fault: `served` requests before it, between its parts, and after. */
  async function during(...parts: (() => unknown)[]): Promise<void> {
    let isOver = false;
    const statuses = () => users.flatMap((user) => user.statuses);
    const everybody = users.map((user) => user.goOn(() => isOver));
    for (const part of [...parts, () => undefined]) {
      const from = statuses().length;
      while (statuses().length < from + 3 * USERS.length) await delay(10);
      await part();
    }
    isOver = true;
    await Promise.all(everybody);
    const expected = whenTooMany === 'refuse' ? [204, 409, 503] : [204, 503];
    expect(statuses().filter((status) => !expected.includes(status))).toEqual([]);
  }

  async function allIsRight(): Promise<void> {
    for (const user of users) {
      expect(await user.settles()).toBe(0);
      const signedIn = await user.signedIn();
      expect(signedIn.length).toBeLessThanOrEqual(1);
      if (whenTooMany === 'refuse' && signedIn.length === 1) {
        expect(await user.signIn()).toBe(409);
        await signedIn[0]!.post('/sign-out');
      }
      expect(await user.signsInWithinSeconds()).toBe(204);
      expect(await user.signedIn()).toHaveLength(1);
    }
  }

  it('are right after memcached was restarted, empty, during many of them', async () => {
    await open(1);
    await during(async () => {
      const { port } = all[0]!;
      await all[0]!.kill();
      all[0] = await startMemcached({ port });
    });
    await allIsRight();
  }, 180_000);

  it.each(['killed', 'paused'])(
    'are right after one of three servers was %s, and came back, during many of them',
    async (how) => {
      await open(3);
      const [one] = all;
      const { port } = one!;
      if (how === 'paused') {
        await during(
          () => one!.pause(),
          () => one!.resume(),
        );
      } else {
        await during(
          () => one!.kill(),
          async () => {
            all[0] = await startMemcached({ port });
          },
        );
      }
      await allIsRight();
    },
    180_000,
  );
});

describe('a sign-in whose process is killed (SIGKILL)', () => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  const servers: NodeServer[] = [];

  beforeEach(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
  });

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    await wire.close();
    await memcached.stop();
  });

  async function start(server: string, whenTooMany: WhenTooMany): Promise<NodeServer> {
    const options = { memcached: [server], maxSessionsPerUser: 1, whenTooMany };
    const started = await startNodeServer('sign-in-server.mjs', JSON.stringify(options));
    servers.push(started);
    return started;
  }

  /** The same client, at another process. */
  function at({ url }: NodeServer, { cookie }: Visitor): Visitor {
    const same = visitor(url);
    same.cookie = cookie;
    return same;
  }

  /** What a client has before the sign-in: nothing, an anonymous session, or one of the same user. */
  const BEFORE = { nothing: [], 'a cart': ['/cart'], 'a sign-in': ['/sign-in/ada'] };
  type Before = keyof typeof BEFORE;

  /**
   * Kills the process as the answer to its command number `at` arrives. Returns the client, and whether it was
   * answered.
   */
  async function killedAt(at: number, whenTooMany: WhenTooMany, before: Before = 'a cart') {
    const doomed = await start(wire.server, whenTooMany);
    const client = visitor(doomed.url);
    for (const path of BEFORE[before]) expect((await client.post(path)).status).toBe(204);
    // The commands that follow an answer, for the user's list, are answered before those of later requests.
    for (let n = 0; n < 3; n++) await client.get('/me');
    let answers = 0;
    wire.changeReplies((bytes) => {
      if (++answers < at) return { bytes };
      if (answers === at) process.kill(doomed.pid, 'SIGKILL');
      return { bytes: Buffer.alloc(0) };
    });
    const isAnswered = await client.post('/sign-in/ada').then(
      () => true,
      () => false,
    );
    wire.changeReplies(undefined);
    return { client, isAnswered };
  }

  /** After how many commands it is done: a session, its user's list, the place there, the record, the move. */
  const COMMANDS = [1, 2, 3, 4, 5];
  /** How many commands each takes, until it is answered. */
  const TRIES = (
    [
      ['nothing', 3],
      ['a cart', 5],
      ['a sign-in', 5],
    ] as const
  ).flatMap(([before, count]) => COMMANDS.slice(0, count).map((at) => [before, at] as const));

  it.each(COMMANDS)(
    'at its command %i: the next try in another process ends what it left',
    async (at) => {
      expect(await killedAt(at, 'end-oldest')).toMatchObject({ isAnswered: false });
      const other = await start(memcached.server, 'end-oldest');
      expect((await visitor(other.url).post('/sign-in/ada')).status).toBe(204);
      expect((await visitor(other.url).get('/list/ada')).json).toEqual({ count: 1 });
    },
  );

  it.each(TRIES)(
    'by a client with %s, at its command %i: the next try is not refused for longer than seconds',
    async (before, command) => {
      const { client, isAnswered } = await killedAt(command, 'refuse', before);
      expect(isAnswered).toBe(false);
      const other = await start(memcached.server, 'refuse');
      const again = at(other, client);
      // It may continue with its session from before.
      if ((await again.get('/me')).json.user === 'ada') await again.post('/sign-out');
      const user = new User('ada', [other.url]);
      expect(await user.signsInWithinSeconds()).toBe(204);
      expect(await user.listed()).toBe(1);
    },
    60_000,
  );

  it.each(Object.keys(BEFORE) as Before[])(
    'by a client with %s, after the last of these commands: it has been answered, and it counts',
    async (before) => {
      const count = TRIES.filter(([one]) => one === before).length;
      const { client, isAnswered } = await killedAt(count + 1, 'refuse', before);
      expect(isAnswered).toBe(true);
      const other = await start(memcached.server, 'refuse');
      for (let n = 0; n < 3; n++)
        expect((await at(other, client).get('/me')).json).toEqual({ user: 'ada' });
      expect((await visitor(other.url).post('/sign-in/ada')).status).toBe(409);
    },
  );
});
