import { describe, expect, it } from '@jest/globals';

import { formatAddress, parseAddress } from '../../../src/store/memcached/server-address.js';

describe('the address of a server', () => {
  it.each([
    ['127.0.0.1:11211', { host: '127.0.0.1', port: 11211 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['cache-1.internal.example.:65535', { host: 'cache-1.internal.example.', port: 65535 }],
    ['my_cache:11211', { host: 'my_cache', port: 11211 }],
    ['[::1]:11211', { host: '::1', port: 11211 }],
    ['[FD00::A]:11211', { host: 'FD00::A', port: 11211 }],
    ['[::ffff:127.0.0.1]:11211', { host: '::ffff:127.0.0.1', port: 11211 }],
    ['unix:/run/memcached.sock', { path: '/run/memcached.sock' }],
    ['unix:/tmp/a b:1.sock', { path: '/tmp/a b:1.sock' }],
  ])('is parsed: %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    '',
    'localhost',
    'localhost:',
    ':11211',
    'localhost:0',
    'localhost:65536',
    'localhost:123456',
    'localhost:-1',
    'localhost:11211x',
    'localhost: 11211',
    'local host:11211',
    'localhost:1:2',
    '::1',
    '::1:11211',
    'fd00::1:11211',
    '[::1]',
    '[::1]11211',
    '[::1:11211',
    '[localhost]:11211',
    '[]:11211',
    'unix:',
    'unix:memcached.sock',
    '/run/memcached.sock',
    'tcp://localhost:11211',
    'memcached://localhost:11211',
    'localhost:11211/',
    'localhost:11211\n',
  ])('is refused: %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ['10.0.0.1', '10.0.0.1:11211'],
    ['fd00::1', '[fd00::1]:11211'],
    ['cache.internal', 'cache.internal:11211'],
  ])('is formatted as it is parsed: %s', (host, text) => {
    expect(formatAddress(host, 11211)).toBe(text);
    expect(parseAddress(text)).toEqual({ host, port: 11211 });
  });
});
