import { once } from 'node:events';
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { afterEach, describe, expect, it } from '@jest/globals';

import { Gate } from '../support/gate.js';
import { heldServer, type HeldServer } from '../support/held-server.js';
import { visitor, type HttpResponse } from '../support/http-client.js';

type Send = (response: ServerResponse) => unknown;
interface OldResponse {
  readonly writeHeader: ServerResponse['writeHead'];
}

describe('a held response', () => {
  let server: HeldServer;

  afterEach(() => server.close());

  /** Lets a response be held, then released. */
  async function released(send: Send, before?: Send): Promise<HttpResponse> {
    server = await heldServer(send, before);
    const response = visitor(server.url).get('/');
    await server.gate.reached;
    server.gate.open();
    return response;
  }

  /** The same with nothing to wait for. */
  async function unhindered(send: Send): Promise<HttpResponse> {
    server = await heldServer(send);
    server.gate.waits = false;
    return visitor(server.url).get('/');
  }

  describe('until its gate opens', () => {
    it.each<[string, Send]>([
      ['end', (response) => response.end('body')],
      ['write', (response) => response.write('body')],
      ['writeHead', (response) => response.writeHead(200)],
      ['flushHeaders', (response) => response.flushHeaders()],
    ])('sends nothing: %s', async (_method, send) => {
      server = await heldServer(send);
      let isAnswered = false;
      const request = httpRequest(server.url, { agent: false }, () => (isAnswered = true));
      request.on('error', () => undefined).end();
      await server.gate.reached;
      await new Promise((resolve) => setImmediate(resolve));

      expect(server.response.socket?.bytesWritten).toBe(0);
      expect(isAnswered).toBe(false);
      expect(server.gate.events).toEqual(['commit']);
      server.gate.open();
      server.response.end();
      await once(request, 'response');
      expect(server.gate.events.slice(0, 2)).toEqual(['commit', 'release']);
      request.destroy();
    });

    it('appears as begun and ended to its writer', async () => {
      const seen: unknown[] = [];
      const look = (response: ServerResponse): void =>
        void seen.push([response.headersSent, response.writableEnded]);
      const response = await released((held) => {
        look(held);
        held.write('a');
        look(held);
        held.end('b');
        look(held);
      });
      expect(seen).toEqual([
        [false, false],
        [true, false],
        [true, true],
      ]);
      expect(response.body).toBe('ab');
      expect([server.response.headersSent, server.response.writableEnded]).toEqual([true, true]);
    });

    it('keeps the status of its first byte', async () => {
      const response = await released((held) => {
        held.statusCode = 201;
        held.write('a');
        held.statusCode = 500;
        held.end();
      });
      expect([response.status, response.body]).toEqual([201, 'a']);
    });
  });

  const forms: [string, Send, { status: number; headers?: object; body: string }][] = [
    ['end()', (r) => r.end(), { status: 200, body: '' }],
    ['end(text)', (r) => r.end('body'), { status: 200, body: 'body' }],
    ['end(bytes)', (r) => r.end(Buffer.from('body')), { status: 200, body: 'body' }],
    ['end(text, encoding)', (r) => r.end('626f6479', 'hex'), { status: 200, body: 'body' }],
    [
      'write, write, end',
      (r) => {
        r.write('a');
        r.write('62', 'hex');
        r.write(Buffer.from('c'));
        r.end('d');
      },
      { status: 200, body: 'abcd' },
    ],
    ['writeHead(status)', (r) => r.writeHead(404).end('no'), { status: 404, body: 'no' }],
    [
      'writeHead(status, headers)',
      (r) => r.writeHead(201, { 'X-A': '1', 'x-list': ['a', 'b'] }).end(),
      { status: 201, headers: { 'x-a': '1', 'x-list': 'a, b' }, body: '' },
    ],
    [
      'writeHead(status, message, headers)',
      (r) => r.writeHead(302, 'Off', { Location: '/b' }).end(),
      { status: 302, headers: { location: '/b' }, body: '' },
    ],
    [
      'writeHead(status, [name, value, …])',
      (r) => r.writeHead(200, ['X-A', '1', 'X-B', '2']).end(),
      { status: 200, headers: { 'x-a': '1', 'x-b': '2' }, body: '' },
    ],
    [
      'writeHead(status, [[name, value], …])',
      (r) =>
        r
          .writeHead(200, [
            ['X-A', '1'],
            ['X-B', '2'],
          ] as unknown as string[])
          .end(),
      { status: 200, headers: { 'x-a': '1', 'x-b': '2' }, body: '' },
    ],
    [
      'writeHead over headers that were set',
      (r) => r.setHeader('X-A', 'old').setHeader('X-B', '2').writeHead(200, { 'x-a': 'new' }).end(),
      { status: 200, headers: { 'x-a': 'new', 'x-b': '2' }, body: '' },
    ],
    [
      'writeHead with an undefined header',
      (r) => r.writeHead(200, { 'X-A': undefined, 'X-B': 2 }).end(),
      { status: 200, headers: { 'x-b': '2' }, body: '' },
    ],
    [
      'flushHeaders, write, end',
      (r) => {
        r.setHeader('X-A', '1').flushHeaders();
        r.write('a');
        r.end();
      },
      { status: 200, headers: { 'x-a': '1' }, body: 'a' },
    ],
    [
      "writeHeader, Node.js's old name for writeHead",
      (r) => (r as unknown as OldResponse).writeHeader(202, { 'X-A': '1' }).end('body'),
      { status: 202, headers: { 'x-a': '1' }, body: 'body' },
    ],
    ['an empty 204', (r) => r.writeHead(204).end(), { status: 204, body: '' }],
  ];

  describe.each([
    ['held', released],
    ['with nothing to wait for', unhindered],
  ])('%s', (_state, respond) => {
    it.each(forms)('is sent as it was written: %s', async (_form, send, expected) => {
      const response = await respond(send);
      expect(response).toMatchObject(expected);
      expect(response.setCookies).toEqual(['SID=new']);
      expect(server.gate.events.slice(0, 2)).toEqual(['commit', 'release']);
      expect(server.errors).toEqual([]);
    });

    it.each<[string, OutgoingHttpHeaders | OutgoingHttpHeader[]]>([
      ['an object', { 'Set-Cookie': ['a=1', 'b=2'] }],
      ['a flat list', ['Set-Cookie', 'a=1', 'set-cookie', 'b=2']],
      ['a flat list with a list in it', ['Set-Cookie', ['a=1', 'b=2']]],
      [
        'a list of pairs',
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ],
      ],
    ])('keeps each Set-Cookie that writeHead got by %s', async (_form, headers) => {
      const response = await respond((held) => held.writeHead(200, headers).end());
      expect(response.setCookies).toEqual(['a=1', 'b=2', 'SID=new']);
    });

    it('keeps a Set-Cookie that was set', async () => {
      const response = await respond((held) => held.setHeader('Set-Cookie', 'a=1').end());
      expect(response.setCookies).toEqual(['a=1', 'SID=new']);
    });

    it.each<[string, Send]>([
      ['end', (held) => held.end()],
      ['write', (held) => (held.write('a'), held.end())],
      ['writeHead', (held) => held.writeHead(200).end()],
    ])('completes its head after all wrappers around it: %s', async (_way, send) => {
      const response = await respond((held) => {
        const writeHead = held.writeHead.bind(held);
        held.writeHead = (status: number) => {
          held.setHeader('X-Late', 'yes');
          return writeHead(status, { 'Set-Cookie': 'theirs=1' });
        };
        send(held);
      });
      expect(response.headers['x-late']).toBe('yes');
      expect(response.setCookies).toEqual(['theirs=1', 'SID=new']);
      expect(server.gate.events.filter((event) => event === 'release')).toHaveLength(1);
    });

    it('sends the status message', async () => {
      server = await heldServer((held) => held.writeHead(200, 'Fine').end());
      server.gate.waits = false;
      const request = httpRequest(server.url, { agent: false }).end();
      const [response] = (await once(request, 'response')) as [{ statusMessage: string }];
      expect(response.statusMessage).toBe('Fine');
      request.destroy();
    });

    it('calls its callback after it was sent', async () => {
      const called: string[] = [];
      const response = await respond((held) => {
        held.write('a', () => called.push('write'));
        held.end('b', () => called.push('end'));
      });
      expect(response.body).toBe('ab');
      if (!server.response.closed) await once(server.response, 'close');
      expect(called).toEqual(['write', 'end']);
    });

    it('ignores a second end', async () => {
      const response = await respond((held) => {
        held.end('first');
        held.end();
      });
      expect(response.body).toBe('first');
      expect(server.errors).toEqual([]);
    });

    it('commits once, whatever calls follow', async () => {
      await respond((held) => {
        held.writeHead(200);
        held.flushHeaders();
        held.write('a');
        held.end();
      });
      expect(server.gate.events.filter((event) => event === 'commit')).toHaveLength(1);
    });

    it('accepts a pipe of any size', async () => {
      const chunks = Array.from({ length: 200 }, (_, i) => String(i % 10).repeat(20_000));
      const response = await respond((held) => void Readable.from(chunks).pipe(held));
      expect(response.body === chunks.join('')).toBe(true);
    });

    it('accepts a pipeline, which ends', async () => {
      const ended = new Gate();
      const response = await respond(async (held) => {
        await pipeline(Readable.from(['a', 'b', 'c']), held);
        void ended.pass();
      });
      await ended.reached;
      expect(response.body).toBe('abc');
    });
  });

  describe('written to by a stream', () => {
    it('pauses the stream until its gate opens', async () => {
      let read = 0;
      server = await heldServer((held) => {
        const source = new Readable({
          highWaterMark: 1,
          read() {
            this.push(read++ < 50 ? 'x'.repeat(1000) : null);
          },
        });
        source.pipe(held);
      });
      const response = visitor(server.url).get('/');
      await server.gate.reached;
      for (let turn = 0; turn < 20; turn++) await new Promise((go) => setImmediate(go));
      expect(read).toBeLessThan(5);
      server.gate.open();
      expect((await response).body).toHaveLength(50_000);
    });

    it('returns false, and emits drain', async () => {
      const answers: boolean[] = [];
      const response = await released(async (held) => {
        answers.push(held.write('a'));
        await once(held, 'drain');
        answers.push(held.write('b'));
        held.end();
      });
      expect(answers).toEqual([false, true]);
      expect(response.body).toBe('ab');
    });

    it('also emits drain if the held data fills the buffer', async () => {
      const response = await released(async (held) => {
        held.write('a'.repeat(5_000_000));
        await once(held, 'drain');
        held.end('b');
      });
      expect(response.body).toHaveLength(5_000_001);
    });
  });

  describe('whose client hangs up', () => {
    it.each([
      ['open', []],
      ['refuse', ['refusal']],
    ] as const)('causes no error at %s', async (way, events) => {
      server = await heldServer((held) => {
        held.write('a');
        held.end('b');
      });
      const request = httpRequest(server.url, { agent: false });
      request.on('error', () => undefined).end();
      await server.gate.reached;
      const closed = once(server.response, 'close');
      request.destroy();
      await closed;
      expect(server.gate.events).toEqual(['commit', 'close']);

      server.gate[way]();
      await new Promise((resolve) => setImmediate(resolve));
      expect(server.gate.events.slice(2)).toEqual(events);
      expect(server.errors).toEqual([]);
    });

    it('before it begins closes its gate', async () => {
      server = await heldServer(() => undefined);
      const request = httpRequest(server.url, { agent: false });
      request.on('error', () => undefined).end();
      await once(request, 'socket');
      while (!server.response) await new Promise((resolve) => setImmediate(resolve));
      const closed = once(server.response, 'close');
      request.destroy();
      await closed;
      expect(server.gate.events).toEqual(['close']);
    });
  });

  it('that was sent completely closes its gate once', async () => {
    await released((held) => held.end('a'));
    if (!server.response.closed) await once(server.response, 'close');
    expect(server.gate.events).toEqual(['commit', 'release', 'close']);
  });

  it('that has begun before is not held', async () => {
    server = await heldServer(
      (held) => held.end('b'),
      (held) => held.write('a'),
    );
    const response = await visitor(server.url).get('/');
    expect(response.body).toBe('ab');
    expect(server.gate.events).not.toContain('commit');
  });
});
