import { describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';

import { checkSessionOptions, type SessionModuleOptions } from '../src/session-options.js';
import { SessionModule, type SessionModuleAsyncOptions } from '../src/session.module.js';
import { SessionOptionsError } from '../src/session/errors.js';

const check = (options: unknown): unknown => checkSessionOptions(options as SessionModuleOptions);

const serverAt = (host: string) => ({ server: `${host}:1`, address: { host, port: 1 } });

const keyv = new Keyv();
const cache = createCache();

describe('session options', () => {
  const defaults = {
    timeout: 1200,
    absoluteTimeout: 86_400,
    keyPrefix: 'sess:',
    maxBytes: 1_000_000,
    strictValues: false,
    remember: { timeout: 2_592_000, absoluteTimeout: 2_592_000 },
    rotateEvery: false,
    rotateGrace: 10,
    maxSessionsPerUser: 100,
    whenTooMany: 'end-oldest',
    socketSweep: 60,
    revokeEverybodyWithin: false,
    onOutage: 'refuse',
    cacheControl: 'no-store',
    cookie: {
      name: 'SID',
      path: '/',
      sameSite: 'lax',
      secure: true,
      partitioned: false,
      persistent: false,
    },
    transport: { cookie: true, header: undefined },
    backend: 'memory',
    secrets: [],
  };

  it.each([
    ['nothing', undefined],
    ['no options', {}],
    ['undefined options', { timeout: undefined, memcached: undefined, cookie: undefined }],
  ])('have defaults for %s', (_what, options) => {
    expect(check(options)).toEqual(defaults);
  });

  it.each<[string, unknown]>([
    ['timeout', 1],
    ['timeout', 31_536_000],
    ['absoluteTimeout', false],
    ['absoluteTimeout', 1],
    ['absoluteTimeout', 100_000_000],
    ['keyPrefix', 's'],
    ['keyPrefix', 'x'.repeat(200)],
    ['maxBytes', 100],
    ['strictValues', true],
    ['remember', false],
    ['remember', { timeout: 1, absoluteTimeout: false }],
    ['socketSweep', false],
    ['socketSweep', 86_400],
    ['cacheControl', false],
    ['cacheControl', 'private, max-age=60'],
    ['durable', 'required'],
    ['durable', 'besteffort'],
  ])('accept %s: %p', (option, value) => {
    expect(check({ [option]: value })).toEqual({ ...defaults, [option]: value });
  });

  it.each<[string, unknown, string[]]>([
    ['one', 'x'.repeat(32), ['x'.repeat(32)]],
    ['several', ['new'.repeat(20), 'old'.repeat(20)], ['new'.repeat(20), 'old'.repeat(20)]],
  ])('accept %s of secrets', (_many, secrets, checked) => {
    expect(check({ secrets })).toEqual({ ...defaults, secrets: checked });
  });

  it.each<[string, unknown, string]>([
    ['a short one', 'x'.repeat(31), 'secrets'],
    ['an empty one', '', 'secrets'],
    ['none in a list', [], 'secrets'],
    ['a short one in a list', ['x'.repeat(32), 'hunter2'], 'secrets[1]'],
    ['what is no text', [Buffer.alloc(32)], 'secrets[0]'],
    ['null', null, 'secrets'],
  ])('refuse %s for a secret, and do not show it', (_what, secrets, option) => {
    const refusal = (() => {
      try {
        check({ secrets });
      } catch (error) {
        return error as SessionOptionsError;
      }
      return undefined;
    })();
    expect(refusal).toBeInstanceOf(SessionOptionsError);
    expect(refusal?.message).toContain(option);
    expect(refusal?.message).not.toContain('hunter2');
  });

  it.each<[string, RegExp]>([
    ['secret', /did you mean secrets\?/],
    ['secrest', /did you mean secrets\?/],
    ['SECRETS', /did you mean secrets\?/],
    ['store', /did you mean stores\?/],
    ['redis', /redisStore\(url\) of nestjs-session-manager\/redis/],
    ['client', /redisStore\(client\) of nestjs-session-manager\/redis/],
    ['resave', /not needed here, because only what has changed is stored/],
    ['rolling', /not needed here, because each use .* cookie\.persistent/],
    ['saveUninitialized', /not needed here, because a session is stored when it is first written/],
    ['name', /did you mean cookie\.name\?/],
    ['ttl', /did you mean timeout\? It is in seconds/],
    ['maxAge', /did you mean timeout\? It is in seconds/],
    ['unset', /not needed here, because .*destroy\(\)/],
    ['genid', /not needed here, because each id is 256 random bits/],
    ['proxy', /not needed here, because the framework's own trust proxy/],
    ['timeOut', /did you mean timeout\?/],
    ['tiemout', /did you mean timeout\?/],
    ['absoluteTimout', /did you mean absoluteTimeout\?/],
    ['cookies', /did you mean cookie\?/],
    ['memcache', /did you mean memcached\?/],
    ['memcahced', /did you mean memcached\?/],
    ['max_bytes', /did you mean maxBytes\?/],
    ['maxSessions', /did you mean maxSessionsPerUser\?/],
    ['rotate', /there is no such option; the options are timeout, /],
    ['transports', /did you mean transport\?/],
    ['prefix', /did you mean keyPrefix\?/],
    ['isGlobal', /next to useFactory/],
    ['toString', /there is no such option; the options are timeout, /],
    ['x', /there is no such option; the options are timeout, /],
    ['y'.repeat(1_000_000), /there is no such option; the options are timeout, /],
  ])('that are unknown are refused with a hint: %.20s', (name, remedy) => {
    const given = () => check({ [name]: 'x' });
    expect(given).toThrow(SessionOptionsError);
    expect(given).toThrow(remedy);
  });

  it.each(Object.keys(defaults))('with any typo in its name, %s is named', (name) => {
    const slips = [
      ...[`${name}s`, name.slice(0, -1), name.slice(1), `${name.slice(0, 2)}x${name.slice(3)}`],
      `${name.slice(0, 2)}${name[3]}${name[2]}${name.slice(4)}`,
    ].filter((slip) => slip !== name && slip !== 'rotateEver');
    for (const slip of slips) {
      expect(() => check({ [slip]: 'x' })).toThrow(
        name === 'backend' ? SessionOptionsError : new RegExp(`did you mean ${name}\\b`),
      );
    }
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 1],
    ['a list', []],
    ['a date', new Date(0)],
  ])('are an object, not %s', (_what, options) => {
    for (const give of [
      () => SessionModule.forRoot(options as SessionModuleOptions),
      () => SessionModule.forRootAsync(options as SessionModuleAsyncOptions),
      () => check({ cookie: options }),
    ]) {
      expect(give).toThrow(SessionOptionsError);
      expect(give).toThrow(/give an object, not /);
    }
  });

  it.each([{}, { useFactory: undefined }, { useClass: null }, { useFactory: {} }])(
    'come from a factory or a class, not from %p',
    (options) => {
      const give = () => SessionModule.forRootAsync(options as SessionModuleAsyncOptions);
      expect(give).toThrow(SessionOptionsError);
      expect(give).toThrow(/give useFactory/);
    },
  );

  it('check the cookie, too', () => {
    expect(check({ cookie: { name: 'app.sid' } })).toMatchObject({ cookie: { name: 'app.sid' } });
  });

  it.each<[string, object, unknown]>([
    [
      'memcached',
      { memcached: ['a:1', 'b:1'] },
      { memcached: { servers: [serverAt('a'), serverAt('b')] } },
    ],
    [
      'memcached',
      { memcached: { servers: 'a:1', timeout: 100, connections: 2, tls: { ca: 'x' } } },
      { memcached: { servers: [serverAt('a')], timeout: 100, connections: 2, tls: { ca: 'x' } } },
    ],
    ['a Keyv', { stores: keyv }, { stores: [keyv] }],
    ['a list with a Keyv', { stores: [keyv] }, { stores: [keyv] }],
    ['a cache', { cache }, { cache }],
  ])('choose the backend: %s', (_where, options, backend) => {
    expect(checkSessionOptions(options)).toMatchObject({ backend });
  });

  it.each<[string, unknown]>([
    ['options', null],
    ['options', 'memcached'],
    ['timeOut', { timeOut: 5 }],
    ['store', { store: keyv }],
    ['ttl', { ttl: 5 }],
    ['timeout', { timeout: 0 }],
    ['timeout', { timeout: -1 }],
    ['timeout', { timeout: 0.5 }],
    ['timeout', { timeout: NaN }],
    ['timeout', { timeout: Infinity }],
    ['timeout', { timeout: '1200' }],
    ['timeout', { timeout: null }],
    ['timeout', { timeout: false }],
    ['absoluteTimeout', { absoluteTimeout: 0 }],
    ['absoluteTimeout', { absoluteTimeout: -5 }],
    ['absoluteTimeout', { absoluteTimeout: NaN }],
    ['absoluteTimeout', { absoluteTimeout: Infinity }],
    ['absoluteTimeout', { absoluteTimeout: true }],
    ['absoluteTimeout', { absoluteTimeout: null }],
    ['keyPrefix', { keyPrefix: 'a b' }],
    ['keyPrefix', { keyPrefix: 'a\r\n' }],
    ['keyPrefix', { keyPrefix: 'ä' }],
    ['keyPrefix', { keyPrefix: 'x'.repeat(201) }],
    ['keyPrefix', { keyPrefix: 5 }],
    ['keyPrefix', { keyPrefix: ['sess:'] }],
    ['keyPrefix', { keyPrefix: null }],
    ['revokeEverybodyWithin', { revokeEverybodyWithin: 0 }],
    ['revokeEverybodyWithin', { revokeEverybodyWithin: 3601 }],
    ['socketSweep', { socketSweep: 0 }],
    ['socketSweep', { socketSweep: 86_401 }],
    ['socketSweep', { socketSweep: true }],
    ['strictValues', { strictValues: 'yes' }],
    ['remember', { remember: true }],
    ['remember.timeout', { remember: { timeout: 0 } }],
    ['remember.absoluteTimeout', { remember: { absoluteTimeout: 0.5 } }],
    ['remember.seconds', { remember: { seconds: 5 } }],
    ['maxBytes', { maxBytes: 0 }],
    ['maxBytes', { maxBytes: 99 }],
    ['maxBytes', { maxBytes: NaN }],
    ['maxBytes', { maxBytes: '1mb' }],
    ['cacheControl', { cacheControl: '' }],
    ['durable', { durable: true }],
    ['durable', { durable: 'best-effort' }],
    ['cacheControl', { cacheControl: 'a\r\nb' }],
    ['cacheControl', { cacheControl: 'ä' }],
    ['cacheControl', { cacheControl: true }],
    ['cacheControl', { cacheControl: 5 }],
    ['cacheControl', { cacheControl: null }],
    ['cookie', { cookie: null }],
    ['cookie.name', { cookie: { name: 'a b' } }],
    ['cookie.sameSite', { cookie: { sameSite: 'none', secure: false } }],
    ['memcached', { memcached: '' }],
    ['memcached', { memcached: 'localhost' }],
    ['memcached', { memcached: 'localhost:0' }],
    ['memcached', { memcached: 'localhost:65536' }],
    ['memcached', { memcached: 'localhost:http' }],
    ['memcached', { memcached: 'local host:11211' }],
    ['memcached', { memcached: 'memcached://localhost:11211' }],
    ['memcached', { memcached: 'localhost:11211\r\n' }],
    ['memcached', { memcached: [] }],
    ['memcached', { memcached: ['a:1', 'a:1'] }],
    ['memcached', { memcached: ['a:1', null] }],
    ['memcached', { memcached: null }],
    ['memcached', { memcached: 11_211 }],
    ['memcached', { memcached: {} }],
    ['memcached', { memcached: { servers: [] } }],
    ['memcached', { memcached: [{ server: 'a' }] }],
    ['memcached', { memcached: ['a:1', { server: 'a:1', weight: 2 }] }],
    ['memcached', { memcached: [{ server: 'a:1', weight: 0 }] }],
    ['memcached', { memcached: [{ server: 'a:1', weight: '2' }] }],
    ['memcached.servers.port', { memcached: [{ server: 'a:1', port: 2 }] }],
    ['memcached.auth', { memcached: { servers: 'a:1', auth: { username: 'a' } } }],
    ['memcached.auth', { memcached: { servers: 'a:1', auth: { username: 'a b', password: 'c' } } }],
    ['memcached.auth', { memcached: { servers: 'a:1', auth: { username: 'a', password: '\n' } } }],
    ['memcached.auth.user', { memcached: { servers: 'a:1', auth: { user: 'a' } } }],
    ['memcached.rehash', { memcached: { servers: ['a:1', 'b:1'], rehash: 'yes' } }],
    ['onOutage', { onOutage: 'ignore' }],
    ['memcached.host', { memcached: { host: 'a' } }],
    ['memcached.timeout', { memcached: { servers: 'a:1', timeout: 0 } }],
    ['memcached.timeout', { memcached: { servers: 'a:1', timeout: 60_001 } }],
    ['memcached.timeout', { memcached: { servers: 'a:1', timeout: NaN } }],
    ['memcached.connections', { memcached: { servers: 'a:1', connections: 0 } }],
    ['memcached.connections', { memcached: { servers: 'a:1', connections: 1.5 } }],
    ['memcached.tls', { memcached: { servers: 'a:1', tls: true } }],
    ['stores', { stores: null }],
    ['stores', { stores: [] }],
    ['stores', { stores: {} }],
    ['stores', { stores: [keyv, 'redis://localhost'] }],
    ['stores', { stores: 'redis://localhost' }],
    ['cache', { cache: null }],
    ['cache', { cache: {} }],
    ['cache', { cache: new Map() }],
    ['stores', { memcached: 'a:1', stores: keyv }],
    ['cache', { memcached: 'a:1', cache }],
    ['cache', { stores: keyv, cache }],
  ])('%s is named if it is invalid (case %#)', (option, options) => {
    expect(() => check(options)).toThrow(SessionOptionsError);
    expect(() => check(options)).toThrow(
      expect.objectContaining({ option, code: 'SESSION_OPTIONS' }),
    );
    expect(() => check(options)).toThrow(`${option}: `);
  });
});
