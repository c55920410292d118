import type { SessionPolicy } from '../../src/session/policy.js';
import { SessionRepository } from '../../src/session/repository.js';
import type { SessionStore } from '../../src/session/storage/store.js';
import { SessionTelemetry } from '../../src/session/telemetry.js';
import { UserSessions } from '../../src/session/users/user-sessions.js';
import { CachedCopies } from '../../src/store/tier/copies.js';
import { TieredSessionStore } from '../../src/store/tier/tiered-store.js';
import { Names } from './names.js';
import { LONGEST, TIMEOUT, type Options } from './schedule.js';
import { Scheduler } from './scheduler.js';
import { SimulatedDatabase, simulatedCache } from './simulated-cache.js';
import { delayBy } from './simulated-delay.js';
import { SimulatedServer } from './simulated-server.js';
import { SimulatedStore } from './simulated-store.js';

const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 0, 1);
const SILENT = { copyFailed: () => undefined, restored: () => undefined };

/** The servers, and what all processes share: time, and who decides what happens next. */
export class World {
  readonly scheduler = new Scheduler();
  readonly names = new Names();
  /** Milliseconds since 1970, as it is: what the processes' clocks say is another matter. */
  time = BEGIN;
  readonly server = new SimulatedServer(() => this.time, TIMEOUT);
  readonly database = new SimulatedDatabase(() => this.time);

  constructor(readonly options: Options) {
    delayBy(this.scheduler);
  }
}

/** A process of the application: the domain over its own way to the servers, by its own clock. */
export class Process {
  /** Milliseconds by which its clock is ahead. */
  private ahead = 0;
  readonly repository: SessionRepository;
  readonly users: UserSessions;

  constructor(private readonly world: World) {
    const { options } = world;
    const policy: SessionPolicy = {
      ...{ timeout: TIMEOUT, absoluteTimeout: false, maxBytes: 100_000, keyPrefix: 'sess:' },
      ...{ secrets: [], persistentCookie: false, rotateGrace: 10, revokeEverybodyWithin: false },
      remember: { timeout: LONGEST, absoluteTimeout: false },
      rotateEvery: options.rotateEvery,
      maxSessionsPerUser: options.maxSessionsPerUser,
      whenTooMany: options.whenTooMany,
      now: this.now,
      warn: () => undefined,
      telemetry: new SessionTelemetry(),
    };
    this.repository = new SessionRepository(this.store(), policy);
    this.users = new UserSessions(this.repository.users, this.repository.generations);
  }

  /** Sets its clock forward, or back. Those of two processes are an hour apart at most. */
  setClock(seconds: number): void {
    this.ahead = Math.min(Math.max(this.ahead + seconds * 1000, 0), HOUR_MS);
  }

  readonly now = (): number => this.world.time + this.ahead;

  private store(): SessionStore {
    const { scheduler, server, database, names, options } = this.world;
    const store = new SimulatedStore(server, scheduler, names);
    if (options.tier === 'none') return store;
    const settings = { timeout: TIMEOUT, longestLife: LONGEST, now: this.now };
    const copies = new CachedCopies(simulatedCache(database, scheduler, names), settings);
    return new TieredSessionStore(store, copies, {
      ...settings,
      durable: options.tier,
      listener: SILENT,
    });
  }
}
