import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { RESPONSE_KINDS, ResponseKindsController } from '../support/response-kinds.js';
import { PLATFORMS } from '../support/session-app.js';

describe.each(PLATFORMS)('a response that waits for its commit, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);

  const app = useSessionApp(() => {
    const options = { memcached: wire.server };
    return { platform, options, controllers: [ResponseKindsController] };
  });

  beforeEach(() => wire.reset());

  afterEach(() => {
    wire.delayCommands(0);
    wire.failWrites(false);
  });

  describe.each(RESPONSE_KINDS)('$path', ({ path, status, method = 'GET', body = /^/ }) => {
    it('is the same for a known visitor as without sessions', async () => {
      const visitor = app.visitor();
      await visitor.get('/returned');
      const response = await visitor.request(path, { method });
      expect(response.status).toBe(status);
      expect(response.body).toMatch(body);
      expect((await visitor.get('/marks')).json).toEqual({ marks: 2 });
    });

    it('gives a new visitor a stored session', async () => {
      const visitor = app.visitor();
      const response = await visitor.request(path, { method });
      expect(response.setCookies.filter((line) => line.startsWith('SID='))).toHaveLength(1);
      expect((await visitor.get('/marks')).json).toEqual({ marks: 1 });
    });

    it('waits for a slow store', async () => {
      wire.delayCommands(300);
      const response = await app.visitor().request(path, { method });
      // A server that was slow is looked at again, at any time.
      const { key } = wire.commands.findLast(({ name }) => name === 'add')!;
      expect(await memcached.command(`get ${key}`)).toContain('["marks",1]');
      expect(response.status).toBe(status);
    });

    it('becomes a 503 without a cookie if it cannot be stored', async () => {
      wire.failWrites(true);
      const response = await app.visitor().request(path, { method });
      expect(response.status).toBe(503);
      expect(response.setCookies).toEqual([]);
      expect(response.headers).not.toHaveProperty('x-handler');
      expect(response.headers).not.toHaveProperty('location');
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
      if (method === 'HEAD') return;
      expect(response.json).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    });
  });

  it('keeps cookies that the handler sets, in any way', async () => {
    const list = await app.visitor().get('/raw-list');
    expect(list.setCookies).toEqual(['a=1', 'b=2', expect.stringMatching(/^SID=/)]);
    expect(list.headers['x-handler']).toBe('yes');
    const raw = await app.visitor().get('/raw');
    expect(raw.setCookies).toEqual(['theirs=1', expect.stringMatching(/^SID=/)]);
  });

  it('stores changes before an exception of a pipe', async () => {
    const visitor = app.visitor();
    await visitor.get('/returned');
    expect((await visitor.get('/pipe?n=x')).status).toBe(400);
    expect((await visitor.get('/marks')).json).toEqual({ marks: 1 });
  });

  it('revalidates: 304 without a body', async () => {
    const visitor = app.visitor();
    await visitor.get('/returned');
    const first = await visitor.get('/marks');
    if (first.headers.etag === undefined) return expect(platform).toBe('fastify');
    const etag = { 'if-none-match': first.headers.etag };
    const second = await visitor.get('/marks', { headers: etag });
    expect([second.status, second.body]).toEqual([304, '']);
    await visitor.get('/returned');
    expect((await visitor.get('/marks', { headers: etag })).status).toBe(200);
  });
});
