import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Res, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { Session } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

type AnyResponse = ServerResponse & { raw?: ServerResponse };
type Next = () => void;

const rawOf = (response: AnyResponse) => response.raw ?? response;

/** The errors that a late handler got, by what it tried. */
const thrown = new Map<string, Error & { code?: string }>();

@Controller()
class RefusedController {
  @Get('returned')
  returned(@Session() session: Session) {
    session.mark = 'written';
    return 'the body';
  }

  @Get('strange-status')
  strangeStatus(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 'written';
    rawOf(response).writeHead(99).end('the body');
  }

  @Get('strange-chunk')
  strangeChunk(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 'written';
    rawOf(response).write('the body');
    rawOf(response).end({ not: 'a chunk' });
  }

  @Get('late')
  late(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 'written';
    const raw = rawOf(response);
    raw.end('the body');
    const attempts: Record<string, () => unknown> = {
      set: () => raw.setHeader('x-late', 'yes'),
      append: () => raw.appendHeader('x-late', 'yes'),
      remove: () => raw.removeHeader('content-type'),
      write: () => raw.writeHead(500),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        attempt();
      } catch (error) {
        thrown.set(name, error as Error);
      }
    }
  }
}

/** Sets what its query names before the session is used, as middleware of an application may. */
function setHeaders(request: IncomingMessage, response: ServerResponse, next: Next): void {
  const { searchParams } = new URL(request.url!, 'http://any');
  for (const [name, value] of searchParams) {
    if (name === 'encrypted') Object.assign(request.socket, { encrypted: false });
    else response.setHeader(name, value);
  }
  next();
}

function prepare(app: INestApplication): void {
  app.use(setHeaders);
  if (app.getHttpAdapter().getType() !== 'fastify') return;
  const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (_request, reply, done) => {
    void reply.header('x-request-id', '42');
    done();
  });
}

describe.each(PLATFORMS)('an error in place of a response, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);

  const app = useSessionApp(() => {
    const options = { memcached: wire.server, cookie: { secure: 'auto' as const } };
    return { platform, options, controllers: [RefusedController], prepare };
  });

  afterEach(() => wire.failWrites(false));

  const REFUSAL = { statusCode: 503, message: 'Service Unavailable' };

  it.each([
    ['Trailer', 'x-sum'],
    ['Transfer-Encoding', 'chunked'],
    ['Content-Encoding', 'gzip'],
    ['Content-Range', 'bytes 0-1/2'],
    ['Content-Length', '3'],
    ['ETag', '"1"'],
    ['Accept-Ranges', 'bytes'],
    ['Set-Cookie', 'theirs=1'],
  ])('drops %s', async (name, value) => {
    wire.failWrites(true);
    const response = await app.visitor().get(`/returned?${name}=${encodeURIComponent(value)}`);
    expect([response.status, response.json]).toEqual([503, REFUSAL]);
    expect(response.headers[name.toLowerCase()]).not.toBe(value);
    expect(response.headers).not.toHaveProperty('transfer-encoding');
    expect(response.headers['content-length']).toBe(String(response.body.length));
  });

  it('keeps the headers that were there before the session', async () => {
    wire.failWrites(true);
    const response = await app.visitor().get('/returned?x-earlier=yes');
    expect(response.status).toBe(503);
    expect(response.headers['x-earlier']).toBe('yes');
    if (platform === 'fastify') expect(response.headers['x-request-id']).toBe('42');
  });

  it.each(['/strange-status', '/strange-chunk'])(
    'is sent, or the connection closed, if the response cannot be sent: %s',
    async (path) => {
      const answered = await new Promise<unknown>((resolve) => {
        const request = httpRequest(app.url + path, { agent: false }, (response) => {
          response.resume().once('error', resolve);
          response.once('end', () => resolve(response.statusCode));
        });
        request.once('error', resolve).end();
      });
      expect(answered).not.toBe(200);
      // Its session is.
      const told = app.logged.errors.filter((line) => line.includes('not stored'));
      expect(told).toEqual([]);
      expect((await app.visitor().get('/returned')).status).toBe(200);
    },
  );

  it('refuses calls after a held end() like Node.js', async () => {
    thrown.clear();
    expect((await app.visitor().get('/late')).body).toBe('the body');
    for (const verb of ['set', 'append', 'remove', 'write']) {
      const message = `Cannot ${verb} headers after they are sent to the client`;
      expect(thrown.get(verb)).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT', message });
    }
  });

  it('does not treat an unencrypted connection as https', async () => {
    const { setCookies } = await app.visitor().get('/returned?encrypted=false');
    expect(setCookies).toEqual([expect.not.stringContaining('Secure')]);
  });
});
