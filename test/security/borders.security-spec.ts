import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Query, Sse } from '@nestjs/common';
import { Observable } from 'rxjs';

import { Session, UserSessions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import type { HttpResponse, Visitor } from '../support/http-client.js';
import { PLACES, type OpenPlace } from '../support/places.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

/** Where requests wait that have read their session. */
const gates: Gate[] = [];

async function wait(): Promise<void> {
  const gate = new Gate();
  gates.push(gate);
  await gate.pass();
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error);

@Controller()
class ShopController {
  @Get('put')
  put(@Session() session: Session, @Query('key') key: string, @Query('value') value: string) {
    session.set(key, value);
  }

  @Get('read')
  read(@Session() session: Session) {
    return { user: session.userId, ...session.toJSON() };
  }

  @Post('sign-in/:user')
  async signIn(@Session() session: Session, @Param('user') user: string, @Query('keep') keep = '') {
    const own = await session.signIn(user, { keep: keep === '' ? true : keep.split(',') });
    own.notes = `${user}'s`;
  }

  @Post('sign-in-slowly/:user')
  async signInSlowly(@Session() session: Session, @Param('user') user: string) {
    await wait();
    const own = await session.signIn(user, { keep: ['cart'] });
    return { user: own.userId };
  }

  @Post('regenerate-slowly')
  async regenerateSlowly(@Session() session: Session) {
    await wait();
    await session.regenerate();
  }

  @Post('regenerate')
  async regenerate(@Session() session: Session, @Query('keep') keep: string) {
    await session.regenerate({ keep: keep.split(',') });
    session.notes = "ada's";
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.signOut();
  }

  @Get('late/:act')
  async late(@Session() session: Session, @Param('act') act: string) {
    await wait();
    const seen: unknown[] = [];
    const result = await this.act(act, session, seen).catch(codeOf);
    return { result, seen };
  }

  @Sse('stream')
  stream(@Session() session: Session): Observable<{ data: unknown }> {
    return new Observable((subscriber) => {
      subscriber.next({ data: 'begun' });
      void wait()
        .then(() => (session.shipTo = 'elsewhere'))
        .then(() => session.save())
        .then(() => 'saved', codeOf)
        .then((result) => subscriber.next({ data: { result, notes: session.get('notes') } }))
        .finally(() => subscriber.complete());
    });
  }

  private async act(act: string, session: Session, seen: unknown[]): Promise<unknown> {
    if (act === 'write') return void (session.shipTo = 'elsewhere');
    if (act === 'save') return ((session.shipTo = 'elsewhere'), session.save());
    if (act === 'flash') return session.flash('notice');
    if (act === 'destroy') return session.destroy();
    if (act === 'regenerate') return session.regenerate().then(() => undefined);
    session.update('notes', (notes) => {
      seen.push(notes);
      return 'overwritten';
    });
    return session.save();
  }
}

/** A request that has read its session and waits. */
async function held(answer: Promise<HttpResponse>, before: number) {
  while (gates.length === before) await new Promise(setImmediate);
  const gate = gates[before]!;
  await gate.reached;
  return { answer, release: () => gate.release() };
}

const hold = (answer: () => Promise<HttpResponse>) => {
  const before = gates.length;
  return held(answer(), before);
};

describe.each(PLATFORMS.flatMap((platform) => PLACES.map((place) => ({ platform, place }))))(
  'a border, on $platform, in $place.name',
  ({ platform, place }) => {
    let open: OpenPlace;
    let one: SessionApp;
    let two: SessionApp;

    beforeAll(async () => {
      open = await place.start();
      const start = () =>
        startSessionApp({
          platform,
          controllers: [ShopController],
          options: { cookie: { secure: false }, ...open.options() },
        });
      one = await start();
      two = place.isForOneProcess ? one : await start();
    }, 60_000);

    afterAll(async () => {
      for (const gate of gates.splice(0)) gate.release();
      await Promise.all([...new Set([one, two])].map((app) => app.close()));
      await open.stop();
    });

    const at = (app: SessionApp, { cookie }: Visitor): Visitor => {
      const there = app.visitor();
      there.cookie = cookie;
      return there;
    };

    const visitor = async (): Promise<Visitor> => {
      const somebody = one.visitor();
      await somebody.get('/put?key=cart&value=apple');
      await somebody.get('/put?key=notes&value=before');
      return somebody;
    };

    it.each([
      ['a sign-in', '/sign-in/ada', { user: 'ada', cart: 'apple', notes: "ada's" }],
      ['a sign-in that keeps nothing', '/sign-in/ada?keep=none', { user: 'ada', notes: "ada's" }],
      ['a new id that keeps one', '/regenerate?keep=cart', { cart: 'apple', notes: "ada's" }],
    ])('%s: requests that had read it before do not change it', async (_how, path, after) => {
      const victim = await visitor();
      const acts = ['write', 'save', 'update', 'flash', 'destroy', 'regenerate'];
      const late = [];
      for (const app of [one, two]) {
        for (const act of acts) late.push(await hold(() => at(app, victim).get(`/late/${act}`)));
      }
      const stream = await hold(() => readStream(`${one.url}/stream`, victim.cookie));
      expect((await victim.post(path)).status).toBe(201);
      const answers = [];
      for (const { answer, release } of [...late, stream]) {
        release();
        answers.push(await answer);
      }
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const results = answers.slice(0, -1).map(({ json }) => json as object);
      for (const group of [results.slice(0, 6), results.slice(6)]) {
        expect(group).toMatchObject([
          { seen: [] },
          { result: 'SESSION_DESTROYED' },
          { result: 'SESSION_DESTROYED', seen: ['before'] },
          { seen: [] },
          { seen: [] },
          { seen: [] },
        ]);
      }
      expect(answers.at(-1)!.body).toContain('SESSION_DESTROYED');
      expect(answers.at(-1)!.body).not.toContain("ada's");
      for (const { setCookies } of answers) {
        for (const cookie of setCookies) expect(cookie).not.toContain(victim.cookie);
      }
      for (const app of [one, two])
        expect((await at(app, victim).get('/read')).json).toEqual(after);
    });

    it.each([
      ['two sign-ins', ['/sign-in-slowly/ada', '/sign-in-slowly/ada'], ['ada', 'ada']],
      ['sign-ins of two users', ['/sign-in-slowly/ada', '/sign-in-slowly/zoe'], ['ada', 'zoe']],
      ['two new ids', ['/regenerate-slowly', '/regenerate-slowly'], [undefined, undefined]],
      ['a sign-in and a new id', ['/sign-in-slowly/ada', '/regenerate-slowly'], ['ada', undefined]],
      [
        'three',
        ['/sign-in-slowly/ada', '/regenerate-slowly', '/sign-in-slowly/zoe'],
        ['ada', undefined, 'zoe'],
      ],
    ])('%s at once are all served, each with a valid id', async (_what, paths, users) => {
      const before = await visitor();
      const senders = paths.map((_, n) => at(n % 2 ? two : one, before));
      const requests = [];
      for (const [n, path] of paths.entries()) {
        requests.push(await hold(() => senders[n]!.post(path)));
      }
      for (const { release } of requests) release();
      const answers = await Promise.all(requests.map(({ answer }) => answer));
      expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 201));
      expect(new Set([before.cookie, ...senders.map(({ cookie }) => cookie)]).size).toBe(
        paths.length + 1,
      );
      for (const [n, sender] of senders.entries()) {
        for (const app of [one, two]) {
          const { user, cart } = (await at(app, sender).get('/read')).json;
          expect([user, cart]).toEqual([users[n], 'apple']);
        }
      }
      expect((await before.get('/read')).json).toEqual({});
    });

    it('a session that was signed out does not come back by a new id, and a sign-in begins empty', async () => {
      const victim = await visitor();
      const regenerating = await hold(() => at(two, victim).post('/regenerate-slowly'));
      const signing = at(two, victim);
      const signingIn = await hold(() => signing.post('/sign-in-slowly/ada'));
      await victim.fork().post('/sign-out');
      regenerating.release();
      expect((await regenerating.answer).status).toBe(500);
      signingIn.release();
      expect((await signingIn.answer).status).toBe(201);
      expect((await signing.get('/read')).json).toEqual({ user: 'ada' });
      expect((await victim.get('/read')).json).toEqual({});
      await one.app.get(UserSessions).revokeAll('ada');
    });
  },
);

async function readStream(url: string, cookie: string): Promise<HttpResponse> {
  const request = httpGet(url, { headers: { cookie }, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode, body, setCookies: [] } as unknown as HttpResponse;
}
