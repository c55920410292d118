import { describe, expect, it } from '@jest/globals';
import { Controller, Post, Req } from '@nestjs/common';
import type { Request } from 'express';

import { sessionOf } from '../../../src/index.js';
import { PassportSessionModule } from '../../../src/passport.js';
import { useMemcached, useSessionApp } from '../../support/hooks.js';
import { MembersController, PROVIDER, PROVIDERS, type User } from './passport-app.js';

const ADA = { username: 'ada', password: 'secret' };
const BOB = { username: 'bob', password: 'secret' };

let reached: () => void;
let waited: Promise<void>;

@Controller()
class RacesController {
  @Post('slow')
  async slow(@Req() request: Request) {
    reached();
    await waited;
    (await sessionOf<{ seen: boolean }>(request)).set('seen', true);
    return request.user;
  }

  @Post('late')
  late(@Req() request: Request) {
    const response = request.res!;
    response.write('error: ');
    request.logIn({ id: 2, name: 'bob' }, (error: { code?: string }) => {
      response.end(`${error.code}, ${request.isAuthenticated()}`);
    });
    return new Promise((resolve) => response.once('close', () => resolve(undefined)));
  }
}

describe('passport and requests at once', () => {
  const memcached = useMemcached();
  const app = useSessionApp(() => ({
    options: { memcached: memcached.server },
    controllers: [MembersController, RacesController],
    imports: [PassportSessionModule.forRoot({ userId: (user: User) => String(user.id) })],
    providers: ((PROVIDER.url ||= 'http://127.0.0.1:1'), PROVIDERS),
  }));

  const userOf = async (cookie: string) =>
    (await app.visitor().get('/who', { headers: { cookie } })).json[0];

  it('do not bring a user back who signs out during a slow request', async () => {
    const visitor = app.visitor();
    await visitor.post('/login', ADA);
    const { cookie } = visitor;
    let goOn!: () => void;
    waited = new Promise((resolve) => (goOn = resolve));
    const arrival = new Promise<void>((resolve) => (reached = resolve));
    const slow = app.visitor().post('/slow', undefined, { headers: { cookie } });
    await arrival;
    await visitor.post('/logout');
    goOn();
    expect((await slow).setCookies).toEqual([]);
    expect(await userOf(cookie)).toBeNull();
  });

  it('sign in two users from one session into one each', async () => {
    const visitor = app.visitor();
    await visitor.post('/login', ADA);
    const headers = { cookie: visitor.cookie };
    const answers = await Promise.all(
      [ADA, BOB].map((who) => app.visitor().post('/login', who, { headers })),
    );
    const cookies = answers.map(({ setCookies }) => setCookies[0]!.split(';')[0]!);
    expect(await Promise.all(cookies.map(userOf))).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect(await userOf(headers.cookie)).toBeNull();
  });

  it('refuse a sign-in after the response has begun', async () => {
    const { body, setCookies } = await app.visitor().post('/late');
    expect([body, setCookies]).toEqual(['error: SESSION_RESPONSE_BEGUN, false', []]);
  });
});
