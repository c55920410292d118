import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { use, useSessionApp } from '../support/hooks.js';
import { PLACES } from '../support/places.js';
import { PLATFORMS } from '../support/session-app.js';

/** The idle timeout in seconds. */
const TIMEOUT = 60;
const DAY = 86_400;
/** Tolerance in milliseconds: stores count whole seconds, and a busy machine is slow. */
const TOLERANCE = 2_500;

@Controller()
class LivesController {
  @Post('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('7');
  }

  @Post('remember')
  async remember(@Session() session: Session) {
    await session.signIn('7', { remember: 7 * DAY });
  }

  @Get()
  show(@Session() session: Session) {
    const { userId, lifetime, persist, expiresAt } = session;
    return { userId, lifetime, persist, expiresAt };
  }

  @Get('poll')
  poll(@Session({ touch: false, readOnly: true }) session: Session) {
    return { userId: session.userId, expiresAt: session.expiresAt };
  }

  @Post('visit')
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }
}

const CASES = PLATFORMS.flatMap((platform) => PLACES.map((place) => ({ platform, place })));

describe.each(CASES)('lives of sessions in $place.name, on $platform', ({ platform, place }) => {
  const open = use(
    () => place.start(),
    (started) => started.stop(),
  );
  const app = useSessionApp(() => ({
    platform,
    options: { ...open.options(), timeout: TIMEOUT, cookie: { secure: false } },
    controllers: [LivesController],
  }));

  const secondsLeft = ({ json }: { readonly json: { expiresAt?: unknown } }): number =>
    (Date.parse(String(json.expiresAt)) - Date.now()) / 1000;

  it('a session that is read without renewal reports when it ends, and ends then', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    const first = Date.parse(String((await visitor.get('/poll')).json.expiresAt));
    // A store whose renewals are writes may keep a session a tenth longer.
    expect(first - Date.now()).toBeLessThan(TIMEOUT * 1100 + TOLERANCE);
    expect(first - Date.now()).toBeGreaterThan(TIMEOUT * 1000 - TOLERANCE);
    await delay(TOLERANCE);
    const { json, setCookies } = await visitor.get('/poll');
    expect(json.userId).toBe('7');
    expect(setCookies).toEqual([]);
    expect(Math.abs(Date.parse(String(json.expiresAt)) - first)).toBeLessThan(TOLERANCE - 500);
  });

  it('a remembered session lives longer than others, after reads and writes', async () => {
    const visitor = app.visitor();
    const { setCookies } = await visitor.post('/remember');
    expect(setCookies.join()).toContain(`Max-Age=${7 * DAY};`);
    for (let round = 1; round <= 2; round++) {
      expect((await visitor.get('/')).json).toMatchObject({
        ...{ userId: '7', lifetime: 7 * DAY, persist: true },
      });
      expect(secondsLeft(await visitor.get('/poll'))).toBeGreaterThan(7 * DAY - 70);
      expect((await visitor.post('/visit')).json).toEqual({ visits: round });
      expect(secondsLeft(await visitor.get('/poll'))).toBeGreaterThan(7 * DAY - 70);
    }
    expect(secondsLeft(await visitor.get('/poll'))).toBeLessThan(7.7 * DAY + 70);
  });

  it('a user has a remembered session and one that is not', async () => {
    const [home, cafe] = [app.visitor(), app.visitor()];
    expect((await home.post('/remember')).status).toBe(201);
    for (let round = 1; round <= 2; round++) {
      expect((await cafe.post('/sign-in')).status).toBe(201);
      expect((await cafe.get('/')).json.userId).toBe('7');
      expect((await cafe.post('/visit')).json).toEqual({ visits: round });
    }
    expect(secondsLeft(await home.get('/poll'))).toBeGreaterThan(7 * DAY - 70);
    expect(secondsLeft(await cafe.get('/poll'))).toBeLessThan(TIMEOUT * 1.1 + TOLERANCE);
  });
});
