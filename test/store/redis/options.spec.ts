import { describe, expect, it } from '@jest/globals';
import { createClient, createSentinel } from 'redis';

import { SessionOptionsError } from '../../../src/session/errors.js';
import type { RedisLocation, RedisStoreOptions } from '../../../src/store/redis/options.js';
import { redisStore } from '../../../src/store/redis/store.js';

const url = 'redis://127.0.0.1:6379';

describe('the options of a store in Redis', () => {
  it.each<[string, RedisLocation]>([
    ['a URL', url],
    ['a URL of Valkey', 'valkey://127.0.0.1:6379'],
    ['a URL with TLS', 'rediss://user:password@127.0.0.1:6379/1'],
    ['a URL, and options of the client', { url, clientOptions: { name: 'sessions' } }],
    ['a client', createClient({ url })],
    ['a client and a timeout', { client: createClient({ url }), timeout: 100 }],
    [
      'a Sentinel client',
      createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 26379 }] }),
    ],
  ])('accept %s', (_what, location) => {
    expect(() => redisStore(location)).not.toThrow();
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /^options: give an object/],
    ['neither client nor url', {}, /^client: give either a client or a url/],
    ['both', { url, client: createClient({ url }) }, /^client: give either/],
    [
      'a URL of another protocol',
      'https://example.com',
      /^url: give one that begins with redis:\/\/.*https/,
    ],
    ['a host without redis://', 'localhost:6379', /^url: give one that begins with redis:\/\//],
    ['a client of another kind', { client: { get() {} } }, /^client: give a client of redis 5/],
    [
      'client options together with a client',
      { client: createClient(), clientOptions: {} },
      /^clientOp/,
    ],
    ['a timeout of 0', { url, timeout: 0 }, /^timeout: .*milliseconds/],
    ['a text instead of a boolean', { url, tellOthers: 'yes' }, /^tellOthers: give true or false/],
    ['a typing error', { url, timeOut: 5 }, /^timeOut: .*did you mean timeout\?/],
    ["connect-redis's prefix", { url, prefix: 'a:' }, /^prefix: .*keyPrefix/],
    ["connect-redis's ttl", { url, ttl: 5 }, /^ttl: .*timeout/],
    ["ioredis's host", { host: 'localhost' }, /^host: did you mean url\?/],
    ["redis's socket", { url, socket: {} }, /^socket: did you mean clientOptions\?/],
  ])('refuse %s', (_what, options, message) => {
    const make = () => redisStore(options as RedisStoreOptions);
    expect(make).toThrow(SessionOptionsError);
    expect(make).toThrow(message);
  });

  it('never show a password in an error', () => {
    const make = () => redisStore('http://user:secret@host');
    expect(make).not.toThrow(/secret/);
  });
});
