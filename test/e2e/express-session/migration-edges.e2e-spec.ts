import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { sign } from 'cookie-signature';

import { expressSession, type ExpressSessionStore } from '../../../src/express-session.js';
import { Session, SessionOptionsError } from '../../../src/index.js';
import { checkSessionOptions } from '../../../src/session-options.js';
import { Gate } from '../../support/gate.js';
import { useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';

const SECRET = 'the old secret';

/** A store of express-session whose records and answers a test decides. */
class OldStore implements ExpressSessionStore {
  readonly records = new Map<string, unknown>();
  readonly destroyed: string[] = [];
  /** Reads of this id wait for it, after they have read. */
  held: { readonly id: string; readonly gate: Gate } | undefined;

  get(id: string, done: (error?: unknown, session?: unknown) => void): unknown {
    if (id === 'rejects') return Promise.reject(new Error(`GET sess:${id} failed`));
    if (id === 'throws') throw new Error(`GET sess:${id} failed`);
    if (id === 'calls-back') return done(`GET sess:${id} failed`);
    const record = this.records.get(id);
    const { held } = this;
    this.held = undefined;
    if (held?.id === id) void held.gate.pass().then(() => done(null, record));
    else done(null, record);
    return undefined;
  }

  destroy(id: string, done?: (error?: unknown) => void): void {
    this.records.delete(id);
    this.destroyed.push(id);
    done?.();
  }
}

const old = new OldStore();

@Controller()
class NewController {
  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('out')
  out(@Session() session: Session) {
    return session.signOut();
  }

  @Post('out-keeping')
  async outKeeping(@Session() session: Session) {
    await session.signOut({ keep: ['theme'] });
  }

  @Post('in')
  async in(@Session() session: Session) {
    await session.signIn('7', { keep: false });
  }
}

/** The `Cookie` header of express-session. */
function cookieOf(id: string, secret = SECRET, name = 'connect.sid'): string {
  return `${name}=${encodeURIComponent(`s:${sign(id, secret)}`)}`;
}

let ids = 0;

/** Stores a record, and returns its id. */
function stored(record: unknown): string {
  const id = `id-${++ids}`;
  old.records.set(id, record);
  return id;
}

describe.each(PLATFORMS)('sessions of express-session that are migrated, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [NewController],
    options: {
      maxBytes: 2000,
      migrateFrom: expressSession({ secret: ['newer', SECRET], store: old }),
    },
  }));

  const get = (cookie: string) => app.visitor().get('/entries', { headers: { cookie } });

  it.each(['/out', '/out-keeping', '/in'])(
    'are not migrated again by a slow request that had read them: POST %s',
    async (path) => {
      const id = stored({ cookie: {}, user: 'ada', theme: 'dark' });
      const cookie = cookieOf(id);
      const gate = new Gate();
      old.held = { id, gate };
      const slow = get(cookie);
      await gate.reached;
      const { status, setCookies } = await app
        .visitor()
        .post(path, undefined, { headers: { cookie } });
      expect([status, setCookies.join()]).toEqual([201, expect.stringContaining('connect.sid=;')]);
      gate.release();
      const late = await slow;
      expect([late.json, late.setCookies]).toEqual([{}, []]);
      expect((await get(cookie)).json).toEqual({});
    },
  );

  it('are found beside the cookie of a session that has ended here', async () => {
    const cookie = `SID=${'a'.repeat(43)}; ${cookieOf(stored({ cookie: {}, user: 'ada' }))}`;
    const { json, setCookies } = await get(cookie);
    expect(json).toEqual({ user: 'ada' });
    expect(setCookies.join()).toMatch(/^connect\.sid=;.*SID=[\w-]{43};/);
  });

  it.each([
    ['expired', { cookie: { expires: new Date(1000).toISOString() }, user: 'ada' }],
    ['no object', 'text'],
    ['nothing', null],
  ])('are ignored if the record is: %s', async (_what, record) => {
    expect((await get(cookieOf(stored(record)))).json).toEqual({});
  });

  it('leave out what cannot be an entry', async () => {
    const text = '{"cookie":{},"__proto__":{"admin":1},"deep":{"__proto__":{"admin":1}},"n":1}';
    const record = Object.assign(Object.create({ inherited: 1 }), JSON.parse(text)) as object;
    Object.defineProperty(record, '__proto__', { value: { admin: 1 }, enumerable: true });
    const { json } = await get(cookieOf(stored({ ...record, big: 1n })));
    expect(json).toEqual({ n: 1 });
  });

  it.each([
    ['of a removed secret', cookieOf('id', 'removed')],
    ['without a signature', 'connect.sid=s%3Aid'],
    ['without its prefix', `connect.sid=${sign('id', SECRET)}`],
    ['of another name', cookieOf('id', SECRET, 'xconnect.sid')],
  ])('are ignored with a cookie %s', async (_what, cookie) => {
    old.records.set('id', { cookie: {}, user: 'ada' });
    expect((await get(cookie)).json).toEqual({});
    expect(old.records.has('id')).toBe(true);
  });

  it('have ids that genid has made', async () => {
    const id = 'tenant/7:é.{"x"} ' + 'y'.repeat(300);
    old.records.set(id, { cookie: {}, user: 'ada' });
    expect((await get(cookieOf(id))).json).toEqual({ user: 'ada' });
    expect(old.destroyed).toContain(id);
  });

  it('stay where they are if they are larger than maxBytes, and one line says so', async () => {
    const record = { cookie: {}, user: 'ada', big: 'x'.repeat(3000) };
    const id = stored(record);
    const cookie = cookieOf(id);
    for (let n = 0; n < 2; n++) {
      const { status, json, setCookies } = await get(cookie);
      expect([status, json, setCookies]).toEqual([200, {}, []]);
    }
    const lines = app.logged.warnings.filter((line) => line.includes('migrateFrom'));
    expect(lines).toEqual([
      expect.stringMatching(
        /^A session of migrateFrom could not be carried over, so its visitor has to sign in: [^x]*maxBytes is 2000[^x]*$/,
      ),
    ]);
    expect(old.records.get(id)).toBe(record);
    expect(old.destroyed).not.toContain(id);
  });
});

const FAILURES = PLATFORMS.flatMap((platform) =>
  ['rejects', 'throws', 'calls-back'].map((id) => ({ platform, id })),
);

describe.each(FAILURES)('a store of express-session that $id, on $platform', ({ platform, id }) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [NewController],
    options: { migrateFrom: expressSession({ secret: SECRET, store: old }) },
  }));

  it('means a 503, and one line that says so without the id', async () => {
    const headers = { cookie: cookieOf(id) };
    for (let n = 0; n < 2; n++) {
      expect((await app.visitor().get('/entries', { headers })).status).toBe(503);
    }
    expect(app.logged.warnings.filter((line) => line.includes('migrateFrom'))).toEqual([
      'A session of migrateFrom could not be carried over, so its request gets a 503: its store failed (GET sess:… failed)',
    ]);
  });
});

describe('expressSession()', () => {
  it.each([
    ['', {}, /^connect\.sid=; Max-Age=0; Path=\/; Expires=[^;]+; HttpOnly$/],
    ['Secure', { cookie: { secure: true, domain: 'a.example' } }, /Domain=a\.example.*; Secure/],
    ['__Host-', { name: '__Host-sid' }, /^__Host-sid=;.*; Path=\/;.*; Secure/],
    ['SameSite', { cookie: { secure: true, sameSite: 'none' } }, /; Secure; SameSite=None$/],
    ['CHIPS', { cookie: { partitioned: true } }, /; Secure; Partitioned/],
  ] as const)('deletes the old cookie as browsers need it: %s', (_what, options, expected) => {
    const { clearing } = expressSession({ secret: SECRET, store: old, ...options });
    expect(clearing).toMatch(expected);
  });

  it('refuses a cookie of the same name as that of these sessions', () => {
    const migrateFrom = expressSession({ secret: SECRET, store: old, name: 'SID' });
    expect(() => checkSessionOptions({ migrateFrom })).toThrow(SessionOptionsError);
    expect(checkSessionOptions({ migrateFrom, cookie: { name: 'sid2' } })).toMatchObject({
      migrateFrom,
    });
  });

  it('refuses a userId that is not a function', () => {
    const options = { secret: SECRET, store: old, userId: 'passport' as never };
    expect(() => expressSession(options)).toThrow('expressSession.userId');
  });
});
