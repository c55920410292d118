import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';

import { Session, SessionMonitor, type SessionEvent } from '../../src/index.js';
import { SessionHealthIndicator } from '../../src/terminus.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class VisitsController {
  @Get('count')
  count(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }

  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('login')
  async login(@Session() session: Session) {
    await session.regenerate();
  }

  @Get('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
  }

  @Get('too-large')
  tooLarge(@Session() session: Session) {
    session.text = 'x'.repeat(2_000_000);
  }
}

@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: SessionHealthIndicator,
    private readonly monitor: SessionMonitor,
  ) {}

  @Get('health')
  @HealthCheck()
  check() {
    return this.health.check([() => this.sessions.isHealthy('sessions')]);
  }

  @Get('health/servers')
  @HealthCheck()
  checkServers() {
    return this.health.check([() => this.sessions.isHealthy('sessions', { showServers: true })]);
  }

  @Get('metrics')
  metrics() {
    return { counters: this.monitor.counters, servers: this.monitor.servers };
  }
}

const EVENTS: SessionEvent[] = [
  ...(['loaded', 'committed', 'conflict', 'regenerated', 'destroyed', 'gone'] as const),
  ...(['evicted', 'refused', 'outage-began', 'outage-ended'] as const),
];

describe.each(PLATFORMS)('monitoring, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let events: [SessionEvent, unknown][];
  let listeners: Map<string, (payload: unknown) => void>;

  beforeEach(async () => {
    memcached = await startMemcached();
    app = await startSessionApp({
      platform,
      options: { memcached: memcached.server },
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [VisitsController, HealthController],
      providers: [SessionHealthIndicator],
    });
    events = [];
    listeners = new Map();
    for (const event of EVENTS) {
      const listener = (payload: unknown) => void events.push([event, payload]);
      listeners.set(`nestjs-session-manager:${event}`, listener);
    }
    for (const [name, listener] of listeners) subscribe(name, listener);
  });

  afterEach(async () => {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
    await app.close();
    await memcached.stop();
  });

  it('has an event for each change of a session, without an id', async () => {
    const visitor = app.visitor();
    await visitor.get('/count');
    await visitor.get('/read');
    await visitor.get('/count');
    await visitor.get('/login');
    await visitor.get('/logout');
    await visitor.get('/too-large');
    const [[, first]] = events as [[SessionEvent, { handle: string }]];
    const { handle } = first;
    expect(handle).toMatch(/^[\w-]{22}$/);
    expect(events).toEqual([
      ['committed', { created: true, handle }],
      ['loaded', { found: true, handle }],
      ['loaded', { found: true, handle }],
      ['committed', { created: false, handle }],
      ['loaded', { found: true, handle }],
      ['regenerated', { reason: 'requested', handle }],
      ['loaded', { found: true, handle }],
      ['destroyed', { reason: 'requested', handle }],
      ['refused', { status: 500, handle: expect.any(String) }],
    ]);
    expect(JSON.stringify(events)).not.toMatch(/[\w-]{43}/);
  });

  it('counts the events', async () => {
    const visitor = app.visitor();
    await visitor.get('/count');
    await Promise.all([1, 2, 3].map(() => visitor.get('/count')));
    await visitor.get('/logout');
    await app.visitor().get('/read', { headers: { cookie: `SID=${'A'.repeat(43)}` } });
    const { counters } = (await visitor.get('/metrics')).json;
    expect(counters).toMatchObject({ loaded: 5, committed: 4, destroyed: 1, refused: 0 });
  });

  it('has a conflict if another process stored the session in between', async () => {
    const options = { memcached: memcached.server };
    const other = await startSessionApp({ platform, options, controllers: [VisitsController] });
    const visitor = app.visitor();
    await visitor.get('/count');
    const { cookie } = visitor;
    const requests = Array.from({ length: 100 }, (_, n) =>
      (n % 2 ? app : other).visitor().get('/count', { headers: { cookie } }),
    );
    await Promise.all(requests);
    expect((await visitor.get('/read')).json).toEqual({ visits: 101 });
    expect(events.some(([event]) => event === 'conflict')).toBe(true);
    await other.close();
  });

  it('shows a server that does not answer, also without requests', async () => {
    await memcached.kill();
    const { status, json } = await app.visitor().get('/health');
    expect([status, json.error.sessions.servers]).toEqual([503, { 'server 1': 'down' }]);
  });

  it("shows an outage by two events, two lines, the server's state and its health", async () => {
    const visitor = app.visitor();
    await visitor.get('/count');
    const healthy = await visitor.get('/health');
    expect([healthy.status, healthy.json.status]).toEqual([200, 'ok']);
    events.length = 0;

    await memcached.kill();
    const answers = await Promise.all(Array.from({ length: 200 }, () => visitor.get('/count')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    const state = () => app.app.get(SessionMonitor).servers;
    expect(state()).toEqual([{ server: memcached.server, state: 'down' }]);
    const sick = await visitor.get('/health');
    expect([sick.status, sick.json.error]).toEqual([
      503,
      { sessions: { status: 'down', servers: { 'server 1': 'down' } } },
    ]);
    const { port } = memcached;
    expect(sick.body).not.toMatch(new RegExp(`127\\.0\\.0\\.1|${port}`));
    expect((await visitor.get('/health/servers')).json.error).toEqual({
      sessions: { status: 'down', servers: { [memcached.server]: 'down' } },
    });

    memcached = await startMemcached({ port: memcached.port });
    const back = Date.now();
    while (state()[0]!.state === 'down') await new Promise((resolve) => setImmediate(resolve));
    expect(Date.now() - back).toBeLessThan(5_000); // a second, and what a busy machine adds
    expect((await visitor.get('/health')).status).toBe(200);

    const outage = events.filter(([event]) => event.startsWith('outage'));
    expect(outage).toEqual([
      ['outage-began', { server: memcached.server, reason: expect.any(String) }],
      [
        'outage-ended',
        { server: memcached.server, seconds: expect.any(Number), failures: expect.any(Number) },
      ],
    ]);
    expect(app.logged.errors).toEqual([expect.stringContaining(memcached.server)]);
    expect(app.logged.warnings).toEqual([expect.stringContaining('is back')]);
  });
});

describe('sessions in memory', () => {
  it('have no server, and are healthy', async () => {
    const app = await startSessionApp({
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [SessionHealthIndicator],
    });
    const { json } = await app.visitor().get('/health');
    expect(json.info).toEqual({ sessions: { status: 'up', servers: {} } });
    await app.close();
  });
});
