import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Req } from '@nestjs/common';
import type { Request } from 'express';

import { useBoth, type Visit } from './both.js';

type AnyRequest = Request & { session: Request['session'] & Record<string, any> };

/** Waits for a callback. */
function called(work: (done: (error?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    work((error) => (error instanceof Error ? reject(error) : resolve(error ?? null)));
  });
}

@Controller()
class LifeController {
  @Get('show')
  show(@Req() { session }: AnyRequest) {
    return session;
  }

  @Post('set')
  set(@Req() { session }: AnyRequest, @Body() entries: object) {
    Object.assign(session, entries);
    return session;
  }

  @Post('regenerate')
  async regenerate(@Req() request: AnyRequest) {
    const { session: before, sessionID: idBefore } = request;
    const answered = await called((done) => request.session.regenerate(done));
    const { session: after, sessionID: idAfter } = request;
    after.fresh = true;
    return {
      ...{ answered, before, after, isAnother: before !== after, ids: [before.id === idBefore] },
      changed: [idBefore !== idAfter, after.id === idAfter],
    };
  }

  @Post('save')
  async save(@Req() { session }: AnyRequest, @Body() entries: object) {
    Object.assign(session, entries);
    return { answered: await called((done) => session.save(done)) };
  }

  @Post('destroy')
  async destroy(@Req() request: AnyRequest) {
    const { session } = request;
    let result: unknown;
    const pending = called((done) => (result = session.destroy(done)));
    const atOnce = typeof request.session;
    const answered = await pending;
    return {
      answered,
      atOnce,
      isSession: result === session,
      left: session,
      now: typeof request.session,
    };
  }

  @Post('null')
  nothing(@Req() request: AnyRequest, @Body() entries: object) {
    Object.assign(request.session, entries);
    (request as { session: unknown }).session = null;
    return { is: request.session };
  }

  @Post('delete')
  remove(@Req() request: AnyRequest) {
    delete (request as { session?: unknown }).session;
    return { is: typeof request.session };
  }

  @Post('reload')
  async reload(@Req() request: AnyRequest) {
    const { session: before } = request;
    before.unsaved = true;
    const answered = await called((done) => before.reload(done));
    return { answered, before, after: request.session, isAnother: before !== request.session };
  }

  @Post('reload-none')
  async reloadNone(@Req() request: AnyRequest) {
    return called((done) => request.session.reload((error) => done(error ? null : 'none')));
  }

  @Post('touch')
  touch(@Req() { session }: AnyRequest) {
    return [session.touch() === session, session.resetMaxAge() === session];
  }
}

const VISITS: Record<string, Visit> = {
  async *'a new id'(visitor) {
    yield await visitor.post('/set', { cart: ['apple'] });
    yield await visitor.post('/regenerate');
    yield await visitor.get('/show');
  },
  async *'a new id for a new session'(visitor) {
    yield await visitor.post('/regenerate');
    yield await visitor.get('/show');
  },
  async *save(visitor) {
    yield await visitor.post('/save', { a: 1 });
    yield await visitor.get('/show');
    yield await visitor.post('/save', {});
  },
  async *destroy(visitor) {
    yield await visitor.post('/set', { cart: ['apple'] });
    yield await visitor.post('/destroy');
    yield await visitor.get('/show');
    yield await visitor.post('/destroy');
  },
  async *'request.session = null'(visitor) {
    yield await visitor.post('/set', { a: 1 });
    yield await visitor.post('/null', { a: 2, b: 3 });
    yield await visitor.get('/show');
  },
  async *'delete request.session'(visitor) {
    yield await visitor.post('/set', { a: 1 });
    yield await visitor.post('/delete');
    yield await visitor.get('/show');
  },
  async *touch(visitor) {
    yield await visitor.post('/touch');
  },
};

describe('the life cycle of request.session, compared with express-session', () => {
  const both = useBoth({ controllers: [LifeController] });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const { ours, theirs, onFastify } = await both.answers(VISITS[name]!);
    expect(ours).toEqual(theirs);
    expect(onFastify).toEqual(theirs);
    expect(ours.map(({ status }) => status)).not.toContain(500);
  });
});
