import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Query, Req, Session as NestSession } from '@nestjs/common';
import type { Request } from 'express';
import type { SessionData } from 'express-session';

import { useBoth, type Visit } from './both.js';

type AnySession = Request['session'] & Record<string, any>;

@Controller()
class EntriesController {
  @Get('show')
  show(@Req() request: Request) {
    return request.session;
  }

  @Get('nest')
  nest(@NestSession() session: AnySession) {
    session.visits = (session.visits ?? 0) + 1;
    return session.visits as number;
  }

  @Get('nest-entry')
  entry(@NestSession() { visits }: AnySession) {
    return { visits };
  }

  @Post('set')
  set(@Req() { session }: Request, @Body() entries: object) {
    Object.assign(session, entries);
    return session;
  }

  @Post('in-place')
  inPlace(@NestSession() session: AnySession) {
    session.cart.push('pear');
    session.deep.at.the = 'bottom';
    delete session.deep.gone;
    return session;
  }

  @Post('delete')
  delete(@NestSession() session: AnySession, @Query('key') key: string) {
    return { deleted: delete session[key], keys: Object.keys(session), left: key in session };
  }

  /** In the same request, entries are returned as they were assigned. */
  @Post('loose')
  loose(@NestSession() session: AnySession) {
    session.date = new Date(0);
    session.nan = Number.NaN;
    session.missing = undefined;
    session.nested = { a: undefined, at: new Date(1), list: [undefined, () => 1], map: new Map() };
    session.helper = () => 'helped';
    session.userId = 7;
    session.size = 'large';
    session.point = new Point(1, 2);
    return [
      session.date instanceof Date,
      session.helper(),
      session.nested.at.getTime(),
      session.userId,
    ];
  }

  @Get('shape')
  shape(@NestSession() session: AnySession) {
    const inherited: string[] = [];
    for (const key in session) inherited.push(key);
    return {
      keys: Object.keys(session),
      inherited,
      has: ['cookie' in session, 'userId' in session, 'save' in session, 'other' in session],
      own: [Object.hasOwn(session, 'userId'), Object.hasOwn(session, 'other')],
      spread: { ...session },
      text: `${session as unknown as string}`,
      types: [
        typeof session.id,
        typeof session.save,
        typeof session.cookie,
        typeof session.missing,
      ],
    };
  }

  @Get('ids')
  ids(@Req() request: Request) {
    return [request.sessionID === request.session.id, typeof request.sessionID];
  }

  @Get('cookie')
  cookie(@NestSession() { cookie }: SessionData) {
    const { originalMaxAge, maxAge, expires, httpOnly, path, secure, sameSite, domain } = cookie;
    return { cookie, originalMaxAge, maxAge, expires, httpOnly, path, secure, sameSite, domain };
  }

  @Post('longer')
  longer(@NestSession() session: AnySession) {
    session.cookie.maxAge = 3_600_000;
    const { originalMaxAge, expires, maxAge } = session.cookie;
    return [originalMaxAge, expires instanceof Date, maxAge > 3_500_000, maxAge <= 3_600_000];
  }
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}

  get length(): number {
    return Math.hypot(this.x, this.y);
  }
}

const VISITS: Record<string, Visit> = {
  async *'an empty session'(visitor) {
    yield await visitor.get('/show');
    yield await visitor.get('/shape');
    yield await visitor.get('/ids');
  },
  async *"Nest's own @Session()"(visitor) {
    yield await visitor.get('/nest');
    yield await visitor.get('/nest');
    yield await visitor.get('/nest-entry');
  },
  async *'entries of all kinds'(visitor) {
    yield await visitor.post('/set', { a: 1, b: 'two', c: null, d: [1, { e: false }], f: {} });
    yield await visitor.get('/show');
    yield await visitor.post('/set', { a: { now: 'an object' }, b: undefined });
    yield await visitor.get('/show');
    yield await visitor.get('/shape');
  },
  async *'objects that are changed in place'(visitor) {
    yield await visitor.post('/set', { cart: ['apple'], deep: { at: {}, gone: 1 } });
    yield await visitor.post('/in-place');
    yield await visitor.get('/show');
  },
  async *'entries that are deleted'(visitor) {
    yield await visitor.post('/set', { a: 1, b: 2 });
    yield await visitor.post('/delete?key=a');
    yield await visitor.post('/delete?key=none');
    yield await visitor.get('/show');
  },
  async *'values as JSON makes them'(visitor) {
    yield await visitor.post('/loose');
    yield await visitor.get('/show');
    yield await visitor.get('/shape');
  },
  async *'names that a session has'(visitor) {
    yield await visitor.post('/set', { id: 'mine', other: 1 });
    yield await visitor.get('/shape');
  },
  async *'the cookie'(visitor) {
    yield await visitor.get('/cookie');
    yield await visitor.post('/longer');
  },
};

describe('request.session, next to express-session', () => {
  const both = useBoth({ controllers: [EntriesController] });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const { ours, theirs, onFastify } = await both.answers(VISITS[name]!);
    expect(ours).toEqual(theirs);
    expect(onFastify).toEqual(theirs);
  });

  it('does not warn about @Session() of @nestjs/common', () => {
    expect(both.ours.logged.warnings).toEqual([]);
  });
});
