import { Readable } from 'node:stream';
import { Agent, request as httpRequest } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Res, StreamableFile } from '@nestjs/common';
import compression from 'compression';
import type { Response } from 'express';

import { Session } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

/** Handlers with a mistake that plain Node.js answers with an error, and their client with the first answer. */
@Controller()
class TwiceController {
  @Get('json-json')
  jsonJson(@Session() session: Session, @Res() response: Response) {
    session.increment('n');
    response.json({ first: 1 });
    response.json({ second: 'much longer than the first' });
  }

  @Get('redirect-json')
  redirectJson(@Session() session: Session, @Res() response: Response) {
    session.increment('n');
    response.redirect('/first');
    response.json({ second: 2 });
  }

  @Get('json-return')
  jsonReturn(@Session() session: Session, @Res({ passthrough: true }) response: Response) {
    session.increment('n');
    response.json({ first: 1 });
    return { second: 2 };
  }

  @Get('end-header')
  endHeader(@Session() session: Session, @Res() response: Response) {
    session.increment('n');
    response.end('first');
    response.setHeader('Location', '/elsewhere');
  }

  @Get('end-write')
  endWrite(@Session() session: Session, @Res() response: Response) {
    session.increment('n');
    response.end('first');
    response.write('second');
    response.end('third');
  }
}

@Controller()
class StreamController {
  @Get('stream')
  stream(@Session() session: Session, @Res() response: Response) {
    session.increment('n');
    response.type('text/plain');
    Readable.from(['a', 'b', 'c', 'd', 'e'].map((c) => c.repeat(100))).pipe(response);
  }

  @Get('file')
  file(@Session() session: Session) {
    session.increment('n');
    return new StreamableFile(
      Readable.from(['a', 'b', 'c'].map((c) => Buffer.from(c.repeat(100)))),
    );
  }

  @Get('json')
  json(@Session() session: Session) {
    session.increment('n');
    return { text: 'x'.repeat(5000) };
  }
}

describe('a handler that answers twice', () => {
  let memcached: Memcached;
  let app: SessionApp;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    memcached = await startMemcached();
    const options = { memcached: memcached.server };
    app = await startSessionApp({ options, controllers: [TwiceController] });
  });

  afterAll(async () => {
    agent.destroy();
    await app.close();
    await memcached.stop();
  });

  /** Over one connection, so that a byte too much would be the next answer's. */
  function get(path: string): Promise<{ status: number; body: string; headers: object }> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(new URL(path, app.url), { agent }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode!, body, headers: response.headers }),
        );
      });
      request.on('error', reject).end();
    });
  }

  it.each([
    ['/json-json', 200, '{"first":1}'],
    ['/redirect-json', 302, 'Found. Redirecting to /first'],
    ['/json-return', 200, '{"first":1}'],
    ['/end-header', 200, 'first'],
    ['/end-write', 200, 'first'],
  ])('sends the first answer only, and completely: %s', async (path, status, body) => {
    for (let time = 1; time <= 2; time++) {
      const response = await get(path);
      expect([response.status, response.body]).toEqual([status, body]);
    }
    expect((await get('/end-header')).headers).not.toHaveProperty('location');
  });
});

describe('a response behind compression', () => {
  let memcached: Memcached;
  let app: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    app = await startSessionApp({
      options: { memcached: memcached.server },
      controllers: [StreamController],
      prepare: (nest) => void nest.use(compression({ threshold: 0 })),
    });
  });

  afterAll(async () => {
    await app.close();
    await memcached.stop();
  });

  it.each([
    [
      '/stream',
      'a'.repeat(100) + 'b'.repeat(100) + 'c'.repeat(100) + 'd'.repeat(100) + 'e'.repeat(100),
    ],
    ['/file', 'a'.repeat(100) + 'b'.repeat(100) + 'c'.repeat(100)],
    ['/json', JSON.stringify({ text: 'x'.repeat(5000) })],
  ])('is sent completely with its cookie: %s', async (path, body) => {
    const response = await fetch(new URL(path, app.url), {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await response.text()).toBe(body);
  });
});
