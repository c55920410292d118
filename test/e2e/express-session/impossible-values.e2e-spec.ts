import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { describe, expect, it } from '@jest/globals';
import { Body, Catch, Controller, Get, Param, Post, Req, type ArgumentsHost } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import type { Request } from 'express';

import { SessionValueError } from '../../../src/index.js';
import type { Visitor } from '../../support/http-client.js';
import { useBoth } from './both.js';

type AnyRequest = Request & { session: Request['session'] & Record<string, any> };

/** What JSON cannot keep, and what express-session passes on then. */
const IMPOSSIBLE: [what: string, error: RegExp, make: () => unknown][] = [
  ['a BigInt', /serialize a BigInt/, () => [1n]],
  [
    'a circular object',
    /circular structure/,
    () => {
      const circular: { self?: unknown } = {};
      circular.self = circular;
      return circular;
    },
  ],
  [
    'an object whose toJSON() throws',
    /no money/,
    () => ({
      toJSON() {
        throw new Error('no money');
      },
    }),
  ],
];

/** What an error handler of the application was called with. */
interface Caught {
  readonly error: Error;
  /** Whether its answer has ended the response. */
  readonly isAnswered: boolean;
}

const caught = new EventEmitter();

@Catch()
class ErrorHandler {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(error: Error, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<ServerResponse & { raw?: ServerResponse }>();
    this.host.httpAdapter.reply(response, 'handled', 500);
    const { writableEnded: isAnswered } = response.raw ?? response;
    caught.emit('error handled', { error, isAnswered });
  }
}

@Controller()
class ValuesController {
  @Post('list')
  list(@Req() { session }: AnyRequest) {
    session.list = [];
  }

  @Post('assign/:what')
  assign(@Req() { session }: AnyRequest, @Param('what') what: string) {
    session.impossible = make(what);
  }

  @Post('in-place/:what')
  inPlace(@Req() { session }: AnyRequest, @Param('what') what: string) {
    session.list.push(make(what));
  }

  @Post('save/:what')
  async save(@Req() { session }: AnyRequest, @Param('what') what: string) {
    session.list.push(make(what));
    await new Promise<void>((resolve, reject) =>
      session.save((error?: Error) => (error ? reject(error) : resolve())),
    );
  }

  /** As a careless copy of what a visitor has sent. */
  @Post('prototype')
  prototype(@Req() { session }: AnyRequest, @Body() { json }: { json: string }) {
    Object.assign(session, JSON.parse(json));
  }

  @Get('show')
  show(@Req() { session }: AnyRequest) {
    return session;
  }
}

function make(what: string): unknown {
  return IMPOSSIBLE.find(([name]) => name === what)![2]();
}

/** Sends a request that express-session does not answer; the error handler shows when there will be no answer. */
async function unanswered(visitor: Visitor, path: string, body?: unknown): Promise<Caught> {
  const handled = once(caught, 'error handled') as Promise<[Caught]>;
  const hangUp = new AbortController();
  const response = visitor.post(path, body, { signal: hangUp.signal });
  const hungUp = expect(response).rejects.toThrow();
  const [result] = await handled;
  hangUp.abort();
  await hungUp;
  return result;
}

describe('values that JSON cannot keep, next to express-session', () => {
  const both = useBoth({
    controllers: [ValuesController],
    providers: [{ provide: APP_FILTER, useClass: ErrorHandler }],
  });
  const ours = () => both.all.filter((app) => app !== both.theirs);

  /** A visitor of each application, with a session. */
  const visitors = () =>
    Promise.all(
      both.all.map(async (app) => {
        const visitor = app.visitor();
        await visitor.post('/list');
        return { visitor, isTheirs: app === both.theirs };
      }),
    );

  const CASES = IMPOSSIBLE.flatMap(([what, error]) =>
    ['assign', 'in-place', 'save'].map((how) => ({ what, error, how })),
  );

  it.each(CASES)('$what, $how: no answer there, a 500 here', async ({ what, error, how }) => {
    const path = `/${how}/${encodeURIComponent(what)}`;
    for (const { visitor, isTheirs } of await visitors()) {
      if (isTheirs) {
        const { error: theirs, isAnswered } = await unanswered(visitor, path);
        expect([theirs.message, isAnswered]).toEqual([expect.stringMatching(error), false]);
      } else {
        const handled: Caught[] = [];
        caught.on('error handled', (one: Caught) => handled.push(one));
        const { status, setCookies } = await visitor.post(path);
        caught.removeAllListeners();
        expect([status, setCookies]).toEqual([500, []]);
        for (const { error: own } of handled) expect(own).toBeInstanceOf(SessionValueError);
        // A value that is changed in place is seen when the response has begun.
        expect(handled).toHaveLength(how === 'in-place' ? 0 : 1);
      }
      expect((await visitor.get('/show')).json).toMatchObject({ list: [] });
      expect((await visitor.get('/show')).json).not.toHaveProperty('impossible');
    }
  });

  it.each(IMPOSSIBLE)('begins no session: %s', async (what) => {
    for (const app of ours()) {
      const { status, setCookies } = await app
        .visitor()
        .post(`/assign/${encodeURIComponent(what)}`);
      expect([status, setCookies]).toEqual([500, []]);
    }
  });

  it('an entry named __proto__: no answer there, a 500 here', async () => {
    const body = { json: '{"__proto__":{"admin":true}}' };
    for (const { visitor, isTheirs } of await visitors()) {
      if (isTheirs) {
        const { error, isAnswered } = await unanswered(visitor, '/prototype', body);
        expect([error.message, isAnswered]).toEqual([expect.stringContaining('touch'), false]);
      } else {
        expect((await visitor.post('/prototype', body)).status).toBe(500);
      }
      expect((await visitor.get('/show')).json).not.toHaveProperty('admin');
      expect({}).not.toHaveProperty('admin');
    }
  });

  it('a key __proto__ within a value: kept there, a 500 here', async () => {
    const body = { json: '{"deep":{"__proto__":{"admin":true}}}' };
    for (const { visitor, isTheirs } of await visitors()) {
      const { status } = await visitor.post('/prototype', body);
      const { body: shown } = await visitor.get('/show');
      expect([status, shown.includes('__proto__')]).toEqual(isTheirs ? [201, true] : [500, false]);
    }
  });
});
