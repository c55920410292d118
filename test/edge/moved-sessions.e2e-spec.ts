import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class AccountController {
  @Get('cart')
  cart(@Session() session: Session) {
    session.cart = ['apple'];
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    const own = await session.signIn('ada');
    own.account = 'ada';
    return 'signed in';
  }

  @Get('regenerate')
  async regenerate(@Session() session: Session) {
    const own = await session.regenerate();
    own.account = 'ada';
    return 'regenerated';
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

const MOST_REPLIES = 12;

describe.each(PLATFORMS)('a session that gets a new id, on %s', (platform) => {
  const memcached = useMemcached();
  const proxy = useRecordingProxy(memcached);

  const app = useSessionApp(() => ({
    platform,
    controllers: [AccountController],
    options: { memcached: proxy.server, cookie: { secure: false } },
  }));

  /** The answer is lost, though the command was done; the connection with it. */
  function loseReply(which: number): void {
    let reply = 0;
    proxy.changeReplies((bytes) =>
      reply++ === which ? { bytes: Buffer.alloc(0), thenReset: true } : { bytes },
    );
  }

  it.each(['/sign-in', '/regenerate'])(
    'is not lost with any lost answer of memcached: %s',
    async (path) => {
      const statuses = new Set<number>();
      for (let which = 0; which < MOST_REPLIES; which++) {
        const visitor = app.visitor();
        await visitor.get('/cart');
        loseReply(which);
        const { status } = await visitor.get(path);
        proxy.changeReplies(undefined);
        statuses.add(status);
        const entries = (await visitor.get('/entries')).json as object;
        expect(entries).toMatchObject({ cart: ['apple'] });
        if (status === 200) expect(entries).toMatchObject({ account: 'ada' });
      }
      expect([...statuses].sort()).toEqual([200, 503]);
    },
  );
});
