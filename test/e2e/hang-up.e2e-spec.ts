import { once } from 'node:events';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Res, Sse } from '@nestjs/common';
import { NEVER } from 'rxjs';

import { Session } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

let gate: Gate;
/** Resolves when a response is done with. */
let closed: Promise<unknown>;

type AnyResponse = ServerResponse & { raw?: ServerResponse };

@Controller()
class SlowController {
  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('write')
  write(@Session() session: Session) {
    session.first = true;
  }

  @Get('slow')
  async slow(@Session() session: Session) {
    session.before = true;
    await gate.pass();
    session.after = true;
    return 'nobody listens any more';
  }

  @Get('stream')
  stream(@Session() session: Session, @Res() response: AnyResponse) {
    session.before = true;
    const raw = response.raw ?? response;
    closed = once(raw, 'close');
    // It begins, and never ends by itself.
    new Readable({ read: () => undefined }).pipe(raw);
    void gate.pass();
  }

  @Sse('events')
  events(@Session() session: Session, @Res() response: AnyResponse) {
    session.before = true;
    closed = once(response.raw ?? response, 'close').then(() => {
      session.after = true;
    });
    void gate.pass();
    return NEVER;
  }

  @Get('after')
  after(@Session() session: Session, @Res() response: AnyResponse) {
    const raw = response.raw ?? response;
    raw.end('sent');
    session.after = true;
  }
}

describe.each(PLATFORMS)('a client that hangs up, on %s', (platform) => {
  const memcached = useMemcached();

  const app = useSessionApp(() => {
    const options = { memcached: memcached.server };
    return { platform, options, controllers: [SlowController] };
  });

  beforeEach(() => {
    gate = new Gate();
  });

  async function knownVisitor() {
    const visitor = app.visitor();
    await visitor.get('/write');
    return visitor;
  }

  /** Asks, and hangs up once the handler has begun. */
  async function hangUp(path: string, cookie: string) {
    const request = httpRequest(new URL(path, app.url), { headers: { cookie }, agent: false });
    request.on('error', () => undefined);
    request.end();
    await gate.reached;
    const hungUp = new Promise((resolve) => request.once('close', resolve));
    request.destroy();
    await hungUp;
  }

  /** Reads until it is as expected, because a client that has disconnected cannot see when its request ends. */
  async function stored(visitor: { get(path: string): Promise<{ json: unknown }> }, entry: string) {
    for (let i = 0; i < 200; i++) {
      const entries = (await visitor.get('/')).json as object;
      if (entry in entries) return entries;
    }
    return undefined;
  }

  it("before the response has the handler's changes stored", async () => {
    const visitor = await knownVisitor();
    await hangUp('/slow', visitor.cookie);
    gate.release();
    expect(await stored(visitor, 'after')).toEqual({ first: true, before: true, after: true });
  });

  it.each(['/stream', '/events'])("during %s has the handler's changes stored", async (path) => {
    const visitor = await knownVisitor();
    await hangUp(path, visitor.cookie);
    await closed;
    expect(await stored(visitor, 'before')).toMatchObject({ first: true, before: true });
  });

  it('has changes after the first byte stored when the response ends', async () => {
    const visitor = await knownVisitor();
    expect((await visitor.get('/after')).body).toBe('sent');
    expect(await stored(visitor, 'after')).toEqual({ first: true, after: true });
  });

  it('as a new visitor causes a warning about changes that are too late', async () => {
    const { setCookies } = await app.visitor().get('/after');
    expect(setCookies).toEqual([]);
    for (let i = 0; i < 200 && app.logged.warnings.length === 0; i++) await app.visitor().get('/');
    expect(app.logged.warnings.join()).toContain('written to after its response had begun');
  });
});
