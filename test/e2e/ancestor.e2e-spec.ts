import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';

@Controller()
class EntriesController {
  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('first')
  first(@Session() session: Session) {
    session.first = 1;
  }

  @Get('second')
  second(@Session() session: Session) {
    session.second = 2;
  }

  @Get('read-second')
  readSecond(@Session('second') second: number | undefined) {
    return { second: second ?? null };
  }

  @Get('destroy')
  async destroy(@Session() session: Session) {
    await session.destroy();
  }
}

/**
 * This package descends from a pair of Python classes that kept each entry of a session under a
 * key of its own in memcache. What was wrong with it must not come back.
 */
describe('a defect of the predecessor', () => {
  const memcached = useMemcached();

  const app = useSessionApp(() => {
    const options = { memcached: memcached.server, timeout: 500 };
    return { options, controllers: [EntriesController] };
  });

  beforeEach(() => memcached.flush());

  /** The keys in memcached, and how many seconds each has left. */
  async function records() {
    const lives = (await memcached.keys()).map(async (key) => {
      const reply = await memcached.command(`mg ${key} t`);
      return { key, seconds: Number(/ t(-?\d+)/.exec(reply)?.[1]) };
    });
    return Promise.all(lives);
  }

  it('a guessable id: hash(time) and a random number', async () => {
    const cookies = await Promise.all(
      Array.from({ length: 50 }, async () => (await app.visitor().get('/first')).setCookies[0]!),
    );
    const ids = cookies.map((line) => /^SID=([\w-]{43});/.exec(line)![1]!);
    expect(new Set(ids).size).toBe(50);
    // Bits that follow the clock, a counter or another would be set nearly always, or nearly never.
    const bytes = ids.map((id) => Buffer.from(id, 'base64url'));
    for (let bit = 0; bit < 256; bit++) {
      const set = bytes.filter((id) => (id[bit >> 3]! >> (bit & 7)) & 1).length;
      expect(set).toBeGreaterThan(2);
      expect(set).toBeLessThan(48);
    }
  });

  it('an index of entries that was reset by every request: older entries were lost', async () => {
    const visitor = app.visitor();
    await visitor.get('/first');
    await visitor.get('/second');
    expect((await visitor.get('/')).json).toEqual({ first: 1, second: 2 });
  });

  it('a session marker that was not renewed with the entries: the session ended while in use', async () => {
    const visitor = app.visitor();
    await visitor.get('/first');
    const [record] = await records();
    await memcached.command(`touch ${record!.key} 5`);
    await visitor.get('/read-second');
    expect((await records()).map(({ seconds }) => seconds)).toEqual([501]);
  });

  it('entries that expired separately: half a session', async () => {
    const visitor = app.visitor();
    await visitor.get('/first');
    await visitor.get('/second');
    const all = await records();
    expect(all).toHaveLength(1);
    await memcached.command(`touch ${all[0]!.key} -1`);
    expect((await visitor.get('/')).json).toEqual({});
  });

  it('data that destroy left in memcached', async () => {
    const visitor = app.visitor();
    await visitor.get('/first');
    await visitor.get('/second');
    await visitor.get('/destroy');
    expect(await records()).toEqual([]);
  });

  it('a malformed Set-Cookie', async () => {
    const visitor = app.visitor();
    const given = (await visitor.get('/first')).setCookies;
    const cleared = (await visitor.get('/destroy')).setCookies;
    // RFC 6265, 4.1.1: name=value, then attributes, each behind "; ".
    const wellFormed =
      /^SID=[\w-]*(; (Path=\/|HttpOnly|Secure|SameSite=Lax|Max-Age=0|Expires=[\w,: ]+ GMT))+$/;
    expect(given).toEqual([expect.stringMatching(wellFormed)]);
    expect(cleared).toEqual([expect.stringMatching(wellFormed)]);
  });
});
