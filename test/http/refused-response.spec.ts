import { once } from 'node:events';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { afterEach, describe, expect, it } from '@jest/globals';

import { Gate } from '../support/gate.js';
import { heldServer, type HeldServer } from '../support/held-server.js';
import { visitor, type HttpResponse } from '../support/http-client.js';

type Send = (response: ServerResponse) => unknown;

describe('a held response', () => {
  let server: HeldServer;

  afterEach(() => server.close());

  /** Lets a response be held, then refused. */
  async function refused(send: Send, before?: Send): Promise<HttpResponse> {
    server = await heldServer(send, before);
    const response = visitor(server.url).get('/');
    await server.gate.reached;
    server.gate.refuse();
    return response;
  }

  describe('whose commit fails', () => {
    const fill: Send = (held) => {
      held.writeHead(200, {
        'Set-Cookie': 'user=1',
        'Content-Type': 'text/html',
        'Content-Length': '11',
        ETag: '"1"',
        Location: '/in',
        'Access-Control-Allow-Origin': 'https://example.org',
      });
      held.end('hello world');
    };

    it("is sent unchanged if it has the error's status already", async () => {
      const response = await refused((held) => {
        held.writeHead(503, { 'Retry-After': '5' });
        held.end('back in a moment');
      });
      expect([response.status, response.body]).toEqual([503, 'back in a moment']);
      expect(response.headers['retry-after']).toBe('5');
    });

    it('becomes a 503 without its body', async () => {
      const response = await refused(fill);
      expect(response.status).toBe(503);
      expect(response.json).toEqual({ statusCode: 503, message: 'Service Unavailable' });
      expect(response.headers).toMatchObject({
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(response.body.length),
        'cache-control': 'no-store',
      });
      expect(server.gate.events.slice(0, 2)).toEqual(['commit', 'refusal']);
    });

    it('loses the headers of its handler, and every cookie', async () => {
      const response = await refused(fill, (held) => held.setHeader('Set-Cookie', 'earlier=1'));
      expect(response.setCookies).toEqual([]);
      for (const name of ['etag', 'location']) expect(response.headers).not.toHaveProperty(name);
    });

    it('keeps earlier headers and CORS headers', async () => {
      const response = await refused(fill, (held) => {
        held.setHeader('X-Request-Id', '7');
        held.setHeader('Vary', 'Origin');
      });
      expect(response.headers).toMatchObject({
        'x-request-id': '7',
        vary: 'Origin',
        'access-control-allow-origin': 'https://example.org',
      });
    });

    it("drops the handler's status message", async () => {
      server = await heldServer((held) => held.writeHead(200, 'Signed in').end());
      const request = httpRequest(server.url, { agent: false }).end();
      await server.gate.reached;
      server.gate.refuse();
      const [response] = (await once(request, 'response')) as [{ statusMessage: string }];
      expect(response.statusMessage).toBe('Service Unavailable');
      request.destroy();
    });

    it('leaves no pipeline hanging', async () => {
      const source = Readable.from(Array.from({ length: 100 }, () => 'x'.repeat(20_000)));
      const ended = new Gate();
      const response = await refused(async (held) => {
        await pipeline(source, held).catch(() => undefined);
        void ended.pass();
      });
      expect(response.status).toBe(503);
      await ended.reached;
      expect(source.destroyed).toBe(true);
      expect(server.errors).toEqual([]);
    });

    it('ends a web stream that writes to it, and not the process', async () => {
      const ended = new Gate();
      const chunks = ['a'.repeat(100_000), 'b'];
      const response = await refused(async (held) => {
        const writable = Writable.toWeb(held) as WritableStream;
        await new Blob(chunks)
          .stream()
          .pipeTo(writable)
          .catch(() => undefined);
        void ended.pass();
      });
      expect(response.status).toBe(503);
      await within1s(ended.reached);
      if (!server.response.closed) await once(server.response, 'close');
      expect(server.errors).toEqual([]);
    });

    it("lets a generator's pipeline end that is still writing", async () => {
      const ended = new Gate();
      const finished = new Gate();
      async function* source(): AsyncGenerator<string> {
        yield 'a';
        await finished.reached;
        yield 'b';
      }
      const response = await refused(async (held) => {
        held.once('finish', () => void finished.pass());
        await pipeline(source, held);
        void ended.pass();
      });
      expect(response.status).toBe(503);
      await within1s(ended.reached);
    });

    it('lets its writer continue, and discards the data', async () => {
      const ended = new Gate();
      const response = await refused(async (held) => {
        held.write('a');
        await once(held, 'drain');
        held.write('b');
        held.end('c');
        void ended.pass();
      });
      expect(response.json).toMatchObject({ statusCode: 503 });
      await within1s(ended.reached);
      expect(server.errors).toEqual([]);
    });

    it('calls the callbacks that wait for its end', async () => {
      const ended = new Gate();
      await refused((held) => held.end('body', () => void ended.pass()));
      await within1s(ended.reached);
    });

    it('has no body for HEAD', async () => {
      server = await heldServer((held) => held.end());
      const response = visitor(server.url).request('/', { method: 'HEAD' });
      await server.gate.reached;
      server.gate.refuse();
      expect(await response).toMatchObject({ status: 503, body: '' });
    });
  });

  describe('whose handler writes data that cannot be sent', () => {
    const wrong: [string, Send][] = [
      ['a header with a line end', (held) => held.writeHead(200, { 'X-A': 'a\r\nX-B: b' })],
      ['an invalid status', (held) => held.writeHead(99_999)],
      ['a status message with a line end', (held) => held.writeHead(200, 'a\r\nb')],
      ['a chunk that is a number', (held) => held.write(5)],
      ['an end with an object', (held) => held.end({} as unknown as string)],
      ['a second head', (held) => held.writeHead(200).writeHead(201)],
    ];

    it.each(wrong)(
      'is answered or aborted, without effect on other requests: %s',
      async (_what, send) => {
        server = await heldServer((held) => {
          try {
            send(held);
            if (!held.writableEnded) held.end();
          } catch (error) {
            // As a framework does.
            if (!held.headersSent) held.statusCode = 500;
            if (!held.writableEnded) held.end('sorry');
            throw error;
          }
        });
        const response = visitor(server.url).get('/');
        await server.gate.reached;
        server.gate.open();
        // An unhandled rejection fails the test, as it ends a process.
        await within1s(response.catch(() => undefined));
      },
    );
  });
});

/** Rejects if nothing comes of it. */
async function within1s<T>(work: Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(1000);
  return Promise.race([
    work,
    once(late, 'abort').then(() => {
      throw new Error('nothing within a second');
    }),
  ]);
}
