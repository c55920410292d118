import { describe, expect, it } from '@jest/globals';

import { SessionOptionsError } from '../../../src/session/errors.js';
import {
  checkMemcachedOptions,
  type MemcachedLocation,
} from '../../../src/store/memcached/options.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';

const check = (options: unknown) => checkMemcachedOptions(options as MemcachedLocation);
const DEFAULTS = { timeout: 500, connections: 1, tls: undefined, auth: undefined };
const at = (server: string, address: object, weight = 1) => ({ server, weight, address });
const LOCAL = at('127.0.0.1:11211', { host: '127.0.0.1', port: 11211 });

function errorOf(options: unknown): SessionOptionsError & { option: string } {
  try {
    check(options);
  } catch (error) {
    return error as SessionOptionsError & { option: string };
  }
  throw new Error('the options were taken');
}

describe('the servers of memcached', () => {
  it.each<[string, unknown, object[]]>([
    ['a server', '127.0.0.1:11211', [LOCAL]],
    ['a list', ['127.0.0.1:11211'], [LOCAL]],
    ['all options', { servers: '127.0.0.1:11211' }, [LOCAL]],
    ['all options with a list', { servers: ['127.0.0.1:11211'] }, [LOCAL]],
    ['a server in an object', { server: '127.0.0.1:11211' }, [LOCAL]],
    [
      'a weight',
      [{ server: '127.0.0.1:11211', weight: 2 }, 'b:1'],
      [{ ...LOCAL, weight: 2 }, at('b:1', { host: 'b', port: 1 })],
    ],
    ['IPv6', '[::1]:11211', [at('[::1]:11211', { host: '::1', port: 11211 })]],
    [
      'a Unix socket',
      'unix:/run/cache.sock',
      [at('unix:/run/cache.sock', { path: '/run/cache.sock' })],
    ],
    ['a DNS name', { dns: 'cache:11211' }, [{ dns: 'cache:11211', weight: 1, pollEvery: 30 }]],
    [
      'a DNS name with all of its options',
      { dns: 'cache:11211', weight: 0.5, pollEvery: 1 },
      [{ dns: 'cache:11211', weight: 0.5, pollEvery: 1 }],
    ],
    [
      'an ElastiCache cluster',
      { elasticache: 'cfg.test:11211', pollEvery: 86_400 },
      [{ elasticache: 'cfg.test:11211', pollEvery: 86_400 }],
    ],
    [
      'one of each',
      { servers: ['127.0.0.1:11211', { dns: 'a:1' }, { elasticache: 'a:1' }] },
      [LOCAL, { dns: 'a:1', weight: 1, pollEvery: 30 }, { elasticache: 'a:1', pollEvery: 30 }],
    ],
  ])('are given by %s', (_what, options, servers) => {
    expect(check(options)).toEqual({ ...DEFAULTS, servers });
  });
});

describe('the connection to memcached', () => {
  it('is set by options', () => {
    const auth = { username: 'app', password: 'x' };
    const options = { servers: '127.0.0.1:11211', timeout: 60_000, connections: 4, tls: {}, auth };
    expect(check(options)).toEqual({ ...options, servers: [LOCAL] });
  });

  it('accepts no other options', () => {
    expect(check({ servers: 'a:1', timeout: undefined, connections: undefined })).toMatchObject(
      DEFAULTS,
    );
  });
});

describe('invalid options for memcached', () => {
  it.each<[string, unknown]>([
    ['memcached', undefined],
    ['memcached', null],
    ['memcached', 5],
    ['memcached', ''],
    ['memcached', 'localhost'],
    ['memcached', '::1:11211'],
    ['memcached', 'unix:cache.sock'],
    ['memcached', 'memcached://localhost:11211'],
    ['memcached', []],
    ['memcached', [null]],
    ['memcached', {}],
    ['memcached', { servers: [] }],
    ['memcached', { servers: [undefined] }],
    ['memcached', { servers: {} }],
    ['memcached', ['a:1', 'a:1']],
    ['memcached', ['a:1', { server: 'a:1', weight: 2 }]],
    ['memcached', [{ dns: 'a:1' }, { dns: 'a:1' }]],
    ['memcached', { server: 'a:1', weight: 0 }],
    ['memcached', { server: 'a:1', weight: -1 }],
    ['memcached', { server: 'a:1', weight: NaN }],
    ['memcached', { server: 'a:1', weight: '2' }],
    ['memcached', { server: 5 }],
    ['memcached', { dns: 'cache' }],
    ['memcached', { dns: 'unix:/cache.sock' }],
    ['memcached', { dns: undefined }],
    ['memcached', { elasticache: ['a:1'] }],
    ['memcached', { elasticache: '' }],
    ['memcached.servers.pollEvery', { dns: 'a:1', pollEvery: 0 }],
    ['memcached.servers.pollEvery', { dns: 'a:1', pollEvery: 0.5 }],
    ['memcached.servers.pollEvery', { dns: 'a:1', pollEvery: 86_401 }],
    ['memcached.servers.pollEvery', { elasticache: 'a:1', pollEvery: '30' }],
    ['memcached.servers.pollEvery', { server: 'a:1', pollEvery: 30 }],
    ['memcached.servers.weight', { elasticache: 'a:1', weight: 2 }],
    ['memcached.servers.elasticache', { dns: 'a:1', elasticache: 'a:1' }],
    ['memcached.servers.server', { dns: 'a:1', server: 'a:1' }],
    ['memcached.retries', { servers: 'a:1', retries: 5 }],
    ['memcached.timeout', { servers: 'a:1', timeout: 0 }],
    ['memcached.timeout', { servers: 'a:1', timeout: 60_001 }],
    ['memcached.timeout', { servers: 'a:1', timeout: Infinity }],
    ['memcached.connections', { servers: 'a:1', connections: 0 }],
    ['memcached.connections', { servers: 'a:1', connections: 1.5 }],
    ['memcached.connections', { servers: 'a:1', connections: 1_000_000_000 }],
    ['memcached.tls', { servers: 'a:1', tls: true }],
    ['memcached.tls', { servers: 'a:1', tls: null }],
    ['memcached.auth', { servers: 'a:1', auth: null }],
    ['memcached.auth', { servers: 'a:1', auth: { username: 'app' } }],
    ['memcached.auth', { servers: 'a:1', auth: { username: 'app', password: 'a b' } }],
    ['memcached.auth', { servers: 'a:1', auth: { username: 'a\r\nb', password: 'x' } }],
    ['memcached.auth.user', { servers: 'a:1', auth: { user: 'app' } }],
  ])('are named in the error: %s, %j', (option, options) => {
    const error = errorOf(options);
    expect(error).toBeInstanceOf(SessionOptionsError);
    expect(error.option).toBe(option);
    expect(() => memcachedStore(options as MemcachedLocation)).toThrow(SessionOptionsError);
  });

  it.each<[object, RegExp]>([
    [{ hosts: 'a:1' }, /^memcached\.hosts: did you mean servers\?/],
    [{ server: ['a:1'], timeOut: 5 }, /^memcached\.servers\.timeOut: |^memcached: /],
    [{ servers: 'a:1', timeOut: 5 }, /^memcached\.timeOut: .*did you mean timeout\?/],
    [{ servers: 'a:1', connection: 5 }, /did you mean connections\?/],
    [{ servers: 'a:1', poolSize: 5 }, /did you mean connections\?/],
    [{ servers: 'a:1', retries: 5 }, /not needed here, because a read is repeated once/],
    [{ servers: 'a:1', keyPrefix: 's' }, /stands beside memcached/],
    [{ servers: 'a:1', username: 's' }, /stands in auth/],
    [{ servers: 'a:1', auth: { usrname: 'a', password: 'b' } }, /did you mean username\?/],
    [{ servers: { server: 'a:1', wieght: 2 } }, /did you mean weight\?/],
    [{ servers: { dns: 'a:1', pollEvry: 2 } }, /did you mean pollEvery\?/],
  ])('are refused with a hint: %j', (options, remedy) => {
    expect(errorOf(options).message).toMatch(remedy);
  });

  it.each([true, false, undefined])('name what replaces rehash: %s', (rehash) => {
    const error = errorOf({ servers: ['a:1', 'b:1'], rehash });
    expect(error.option).toBe('memcached.rehash');
    expect(error.message).toMatch(
      /^memcached\.rehash: this option is gone.*Leave it out; for sessions that outlive a server, give stores a durable one/,
    );
  });

  it('do not show the password in the error', () => {
    const auth = { username: 'app', password: 'SECRET SECRET' };
    expect(errorOf({ servers: 'a:1', auth }).message).not.toMatch(/SECRET/);
  });
});
