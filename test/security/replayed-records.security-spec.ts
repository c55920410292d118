import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { plant } from '../support/planted.js';
import { PLATFORMS } from '../support/session-app.js';
import { securityWorld, type MemcachedSecurityWorld } from './security-world.js';

@Controller('user')
class UserController {
  @Get('in')
  async in(@Session() session: Session) {
    const own = await session.signIn('ada');
    own.set('balance', 100);
  }

  @Get('out')
  async out(@Session() session: Session) {
    await session.signOut();
  }

  @Get('anonymous')
  anonymous(@Session() session: Session) {
    session.set('mark', 1);
  }

  @Get('end')
  async end(@Session() session: Session) {
    await session.destroy();
  }

  @Get('who')
  who(@Session() session: Session) {
    return { ...session.toJSON(), user: session.userId ?? null };
  }
}

/** What docs/security.md says of an attacker who can write to the store and has an old cookie. */
describe.each(PLATFORMS)('earlier sealed records that are restored, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeEach(async () => {
    world = await securityWorld({
      ...{ platform, controllers: [UserController] },
      options: { secrets: 's'.repeat(32), absoluteTimeout: 3600, timeout: 1200 },
    });
  });
  afterEach(() => world.close());

  async function putBack(records: Iterable<[string, string]>): Promise<void> {
    await world.memcached.flush();
    for (const [key, text] of records) {
      await plant(world.memcached.port, key, 0, Buffer.from(text));
    }
  }

  it('of a user open no session without the index', async () => {
    const ada = world.visitor();
    await ada.get('/user/in');
    const { cookie } = ada;
    const before = await world.dump();
    await ada.get('/user/out');
    for (const record of before) {
      await putBack([record]);
      world.clock.pass(61); // longer than a process remembers that it has looked
      expect((await world.sender(cookie).get('/user/who')).json).toEqual({ user: null });
    }
  });

  it('of a user open a session with the index, until absoluteTimeout', async () => {
    const ada = world.visitor();
    await ada.get('/user/in');
    const { cookie } = ada;
    const before = await world.dump();
    await ada.get('/user/out');
    await putBack(before);
    expect((await world.sender(cookie).get('/user/who')).json).toMatchObject({ user: 'ada' });
    world.clock.pass(3600);
    await putBack(before);
    expect((await world.sender(cookie).get('/user/who')).json).toEqual({ user: null });
  });

  it('of anonymous sessions open these, until absoluteTimeout', async () => {
    const somebody = world.visitor();
    await somebody.get('/user/anonymous');
    const { cookie } = somebody;
    const before = await world.dump();
    await somebody.get('/user/end');
    await putBack(before);
    expect((await world.sender(cookie).get('/user/who')).json).toMatchObject({ mark: 1 });
    world.clock.pass(3600);
    await putBack(before);
    expect((await world.sender(cookie).get('/user/who')).json).toEqual({ user: null });
  });
});
