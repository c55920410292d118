import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class FloodController {
  @Get('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.userId ?? null };
  }

  @Get('large')
  large(@Session() session: Session) {
    session.text = 'x'.repeat(900_000);
  }
}

describe.each(PLATFORMS)('sessions in memory, on %s', (platform) => {
  let app: SessionApp;

  beforeEach(async () => {
    app = await startSessionApp({ platform, controllers: [FloodController] });
  });

  afterEach(() => app.close());

  it('of signed-in users stay when a flood of visitors fills the memory', async () => {
    const [before, after] = [app.visitor(), app.visitor()];
    await before.get('/sign-in');
    for (let n = 0; n < 120; n++) expect((await app.visitor().get('/large')).status).toBe(200);
    await after.get('/sign-in');
    for (let n = 0; n < 20; n++) await app.visitor().get('/large');
    for (const visitor of [before, after]) {
      expect((await visitor.get('/me')).json).toEqual({ user: 'ada' });
    }
    expect(app.logged.warnings).toContainEqual(
      expect.stringContaining('memory for sessions is full'),
    );
  });
});
