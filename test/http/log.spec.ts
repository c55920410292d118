import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionLog } from '../../src/http/log.js';
import { SessionStoreError } from '../../src/session/errors.js';

describe('the log', () => {
  let lines: string[];
  let log: SessionLog;

  beforeEach(() => {
    lines = [];
    log = new SessionLog({
      error: (message: unknown) => void lines.push(`error ${String(message)}`),
      warn: (message: unknown) => void lines.push(`warn ${String(message)}`),
      log: (message: unknown) => void lines.push(`log ${String(message)}`),
    });
  });

  describe('for a session that was not stored', () => {
    it('has the error and its cause', () => {
      log.notStored(new Error('too large', { cause: new Error('20 MB') }));
      expect(lines).toEqual([
        expect.stringMatching(/^error A session was not stored: Error: too large \(20 MB\)/),
      ]);
    });

    it('has no line for a store error, as the outage is logged when it begins', () => {
      log.notStored(new SessionStoreError({ cause: new Error('connect ECONNREFUSED') }));
      expect(lines).toEqual([]);
    });

    it.each([undefined, null, 'text', 5, new Error('no cause')])('accepts %p, too', (error) => {
      log.notStored(error);
      expect(lines).toHaveLength(1);
    });
  });

  it('has a line for a response that could not be sent although its session was stored', () => {
    log.notSent(new RangeError('Invalid status code: 9999'));
    expect(lines).toEqual([
      expect.stringMatching(/^error A response could not be sent .*: Invalid status code: 9999/),
    ]);
  });

  describe('of servers at start', () => {
    it('names the store, and each server with its version if that is known', () => {
      log.backend('memcached', [
        { server: 'cache-1:11211', version: '1.6.18' },
        { server: 'cache-2:11211' },
      ]);
      expect(lines).toEqual([
        'log Sessions are kept in memcached: cache-1:11211 (1.6.18), cache-2:11211.',
      ]);
    });

    it("has a server's problem as an error, after the names", () => {
      log.backend('memcached', [
        { server: 'cache-1:11211', version: '1.6.18', problem: 'It keeps no versions.' },
        { server: 'cache-2:11211', version: '1.6.18', problem: undefined },
      ]);
      expect(lines).toEqual([
        'log Sessions are kept in memcached: cache-1:11211 (1.6.18), cache-2:11211 (1.6.18).',
        'error cache-1:11211: It keeps no versions.',
      ]);
    });

    it('names a server once that is called as its store', () => {
      log.backend('redis', [{ server: 'redis', version: '7.0.15' }]);
      expect(lines).toEqual(['log Sessions are kept in redis (7.0.15).']);
    });

    it('warns that there is a better store', () => {
      log.backend('KeyvRedis', [], 'There is a better one.');
      expect(lines).toEqual(['warn There is a better one.']);
    });

    it('is empty if the store has no servers', () => {
      log.backend('KeyvPostgres', []);
      expect(lines).toEqual([]);
    });
  });

  it('of an outage names server, reason, duration and effect', () => {
    log.outageBegan('cache-1:11211', new Error('connect ECONNREFUSED'));
    log.outageEnded('cache-1:11211', 2.345, 381);
    expect(lines).toEqual([
      expect.stringMatching(/^error .*cache-1:11211 \(connect ECONNREFUSED\).*503/),
      expect.stringMatching(/^warn .*cache-1:11211, after 2\.3 s and 381 failed operations\./),
    ]);
  });

  it('of a single failed operation uses the singular', () => {
    log.outageEnded('cache-1:11211', 0, 1);
    expect(lines).toEqual([expect.stringMatching(/1 failed operation\.$/)]);
  });

  it('of a change that came too late names the remedy', () => {
    log.changedTooLate();
    expect(lines).toEqual([expect.stringMatching(/^warn .*before the first byte/)]);
  });

  describe('of a Secure cookie over plain http', () => {
    it.each([
      { host: 'example.org' },
      { host: 'example.org:3000' },
      { host: '192.168.0.2' },
      { host: 'localhost.example.org' },
      { host: 'example.org', 'x-forwarded-proto': 'http' },
      {},
    ])('has a hint for %j', (headers) => {
      log.secureOverHttp(headers);
      expect(lines).toEqual([expect.stringMatching(/^warn .*cookie\.secure/)]);
    });

    it.each([
      { host: 'localhost' },
      { host: 'localhost:3000' },
      { host: 'app.localhost:3000' },
      { host: '127.0.0.1:3000' },
      { host: '[::1]:3000' },
      { host: '[::1]' },
      { host: 'example.org', 'x-forwarded-proto': 'https' },
    ])('has no hint for %j', (headers) => {
      log.secureOverHttp(headers);
      expect(lines).toEqual([]);
    });

    it('has the hint once', () => {
      log.secureOverHttp({ host: 'localhost' });
      log.secureOverHttp({ host: 'example.org' });
      log.secureOverHttp({ host: 'example.org' });
      expect(lines).toHaveLength(1);
    });
  });
});
