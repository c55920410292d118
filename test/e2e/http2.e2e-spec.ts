import { once } from 'node:events';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Req, Res, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Test } from '@nestjs/testing';

import { Session, SessionModule, type SessionError } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { LogRecord } from '../support/session-app.js';

let begun: () => void;
let ended: () => void;

@Controller()
class CounterController {
  @Get()
  count(@Session() session: Session) {
    return { count: session.increment('count') };
  }

  /** Past the response. */
  @Get('stream')
  async stream(@Session() session: Session, @Res() reply: FastifyReply) {
    reply.hijack();
    const { stream } = reply.raw as unknown as Http2ServerResponse;
    stream.respond({ ':status': 200 });
    session.late = true;
    const outcome = await session.save().then(
      () => 'saved',
      (error: unknown) => (error as SessionError).code,
    );
    stream.end(JSON.stringify({ outcome }));
  }

  @Get('slow')
  async slow(@Session() session: Session, @Req() { raw }: { raw: Http2ServerRequest }) {
    const closed = once(raw.stream, 'close');
    begun();
    await closed;
    session.late = true;
    setImmediate(ended);
  }
}

describe('sessions over HTTP/2', () => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let app: INestApplication;
  let client: ClientHttp2Session;

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
    const module = await Test.createTestingModule({
      imports: [
        SessionModule.forRoot({
          memcached: wire.server,
          transport: ['cookie', { header: 'X-Session-Id' }],
        }),
      ],
      controllers: [CounterController],
    })
      .setLogger(new LogRecord())
      .compile();
    app = module.createNestApplication(new FastifyAdapter({ http2: true } as object));
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    client = connect(`http://127.0.0.1:${port}`);
  });

  afterAll(async () => {
    client.close();
    await app.close();
    await wire.close();
    await memcached.stop();
  });

  async function get(
    sent: OutgoingHttpHeaders = {},
  ): Promise<{ headers: IncomingHttpHeaders; body: string }> {
    const stream = client.request({ ':path': '/', ...sent });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    return { headers, body };
  }

  it('are found by their cookie', async () => {
    const first = await get();
    const [cookie] = first.headers['set-cookie']!;
    expect(first.headers).toMatchObject({
      'cache-control': 'no-store',
      vary: 'Cookie, x-session-id',
    });
    const second = await get({ cookie: cookie!.split(';')[0] });
    expect(JSON.parse(second.body)).toEqual({ count: 2 });
  });

  it('are found by their header', async () => {
    const first = await get({ 'x-session-id': '' });
    expect(first.headers).not.toHaveProperty('set-cookie');
    const second = await get({ 'x-session-id': first.headers['x-session-id'] });
    expect(JSON.parse(second.body)).toEqual({ count: 2 });
  });

  it('with two different headers are not found', async () => {
    const ids = [await get({ 'x-session-id': '' }), await get({ 'x-session-id': '' })].map(
      ({ headers }) => headers['x-session-id'] as string,
    );
    expect(JSON.parse((await get({ 'x-session-id': ids })).body)).toEqual({ count: 1 });
  });

  it('that cannot be stored give a 503 without a cookie', async () => {
    wire.failWrites(true);
    const { headers, body } = await get();
    wire.failWrites(false);
    expect(headers[':status' as keyof IncomingHttpHeaders]).toBe(503);
    expect(headers).not.toHaveProperty('set-cookie');
    expect(JSON.parse(body)).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  });

  it('do not begin in a response whose head is sent already, but others continue', async () => {
    const before = await memcached.keys();
    const late = await get({ ':path': '/stream' });
    expect(JSON.parse(late.body)).toEqual({ outcome: 'SESSION_RESPONSE_BEGUN' });
    expect(await memcached.keys()).toHaveLength(before.length);
    const [cookie] = (await get()).headers['set-cookie']!;
    const stored = await get({ ':path': '/stream', cookie: cookie!.split(';')[0] });
    expect(JSON.parse(stored.body)).toEqual({ outcome: 'saved' });
  });

  it('do not begin for a client that has hung up', async () => {
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const hasEnded = new Promise<void>((resolve) => (ended = resolve));
    const before = await memcached.keys();
    const stream = client.request({ ':path': '/slow' });
    stream.on('error', () => undefined);
    await hasBegun;
    stream.close(constants.NGHTTP2_CANCEL);
    await hasEnded;
    await once(client.request({ ':path': '/' }).resume(), 'close');
    expect(await memcached.keys()).toHaveLength(before.length + 1);
  });
});
