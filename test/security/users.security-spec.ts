import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Query } from '@nestjs/common';

import { Session, UserSessions } from '../../src/index.js';
import type { Visitor } from '../support/http-client.js';
import { STORES } from './attacked-stores.js';
import { securityWorldOn, type SecurityWorld } from './security-world.js';

const SECRETS = { secrets: ['a secret of thirty-two characters or more'] };

@Controller()
class UsersController {
  @Post('sign-in')
  async signIn(@Session() session: Session, @Query('user') user: string) {
    await session.signIn(user);
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.userId ?? null };
  }
}

const userOf = async (visitor: Visitor): Promise<string | null> =>
  (await visitor.get('/me')).json.user;

const CASES = STORES.flatMap((store) => [
  { ...store, how: 'without secrets', options: {} },
  { ...store, how: 'with secrets', options: SECRETS },
]);

describe.each(CASES)("users' sessions, $how, $name", ({ startStore, options }) => {
  let world: SecurityWorld;
  let users: UserSessions;

  beforeAll(async () => {
    world = await securityWorldOn(startStore, { controllers: [UsersController], options });
    users = world.app.app.get(UserSessions);
  });

  beforeEach(() => world.store.flush());

  afterAll(() => world.close());

  const signedIn = async (user: string, visitor = world.visitor()): Promise<Visitor> => {
    await visitor.post(`/sign-in?user=${user}`);
    expect(await userOf(visitor)).toBe(user);
    return visitor;
  };

  it('A7.4.2, A7.4.5: can all be ended by a job or an administrator, and no others', async () => {
    const [phone, desk, other] = [
      await signedIn('ada'),
      await signedIn('ada'),
      await signedIn('zoe'),
    ];
    expect(await users.revokeAll('ada')).toBe(2);
    expect([await userOf(phone), await userOf(desk), await userOf(other)]).toEqual([
      null,
      null,
      'zoe',
    ]);
  });

  it('A7.5.2: are listed and ended one by one, by handles that give no access', async () => {
    const visitor = await signedIn('ada');
    const [info] = await users.list('ada');
    const id = decodeURIComponent(visitor.cookie.split('=')[1]!);
    for (const part of id.replace(/^s:/, '').split('.')) {
      expect(JSON.stringify(info)).not.toContain(part);
    }
    const operations = await world.operationsOf(() =>
      world.sender(`SID=${info!.handle}`).get('/me'),
    );
    expect(operations).toEqual([]);
    expect(await users.revoke('zoe', info!.handle)).toBe(false);
    expect(await userOf(visitor)).toBe('ada');
    expect(await users.revoke('ada', info!.handle)).toBe(true);
    expect(await userOf(visitor)).toBeNull();
  });

  it('A7.2.4: are not opened by an id from before the sign-in', async () => {
    const visitor = world.visitor();
    await signedIn('ada', visitor);
    const planted = visitor.fork();
    await signedIn('ada', visitor);
    expect(await userOf(planted)).toBeNull();
  });

  it("CVE-2025-46336: never become another user's sessions", async () => {
    const visitor = await signedIn('ada');
    const adas = visitor.fork();
    await signedIn('zoe', visitor);
    expect(await userOf(adas)).toBeNull();
    expect(await users.list('ada')).toEqual([]);
  });

  it('fail closed: an index that is lost, damaged or another user’s lists no session', async () => {
    const another = await world.another();
    for (const harm of ['lost', 'damaged', "another one's"]) {
      await world.store.flush();
      await signedIn('zoe');
      const visitor = await signedIn('ada');
      const indexOf = async (user: string): Promise<[key: string, text: string]> => {
        const before = await world.dump();
        await signedIn(user);
        // One more session is one more record, and a longer index.
        return [...(await world.dump())].find(([name, text]) => {
          return before.has(name) && before.get(name) !== text;
        })!;
      };
      const [key, text] = await indexOf('ada');
      const [, theirs] = await indexOf('zoe');
      const put = { damaged: text.replace(/.$/, '?'), "another one's": theirs }[harm];
      await world.store.remove(key);
      if (put) await world.store.overwrite(key, put);
      const elsewhere = another.visitor();
      elsewhere.cookie = visitor.cookie;
      expect(await userOf(elsewhere)).toBeNull();
      world.clock.pass(60);
      expect(await userOf(visitor)).toBeNull();
    }
  });

  it('CVE-2019-16782: are stored under digests, and with secrets no user id can be read', async () => {
    const visitor = await signedIn('ada-lovelace');
    await userOf(visitor);
    const dump = [...(await world.dump())];
    for (const [key, text] of dump) {
      expect(key).toMatch(/^sess:[\w-]{43}$/);
      if (options === SECRETS) {
        const opened = Buffer.from(text.slice(3), 'base64').toString('latin1');
        expect(text + opened).not.toContain('ada-lovelace');
      }
    }
  });
});
