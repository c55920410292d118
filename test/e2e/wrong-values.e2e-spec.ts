import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';

import { Session, SessionError, SessionValueError } from '../../src/index.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

/** Each with the path that its error names. */
const WRONG: Record<string, { value: unknown; path: string }> = {
  date: { value: { at: new Date(0) }, path: 'cart.at' },
  map: { value: [new Map()], path: 'cart[0]' },
  bigint: { value: { n: 1n }, path: 'cart.n' },
  nan: { value: { prices: [1, NaN] }, path: 'cart.prices[1]' },
  function: { value: { f: () => 1 }, path: 'cart.f' },
  cycle: { value: cycle, path: 'cart.self' },
  class: { value: { o: new (class Apple {})() }, path: 'cart.o' },
};

@Controller()
class ValuesController {
  @Get('keep')
  keep(@Session() session: Session) {
    session.cart = { apples: 1 };
  }

  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('set/:kind')
  set(@Session() session: Session, @Param('kind') kind: string) {
    try {
      session.set('cart', WRONG[kind]!.value);
      return 'accepted';
    } catch (error) {
      return error instanceof SessionValueError ? error.path : 'another error';
    }
  }

  @Get('assign/:kind')
  assign(@Session() session: Session, @Param('kind') kind: string) {
    session.other = 'also not stored';
    session.cart = WRONG[kind]!.value;
  }

  @Get('mutate')
  mutate(@Session('cart') cart: Record<string, unknown>) {
    cart.at = new Date(0);
    return 'not noticed yet';
  }

  @Get('undefined')
  undefined(@Session() session: Session) {
    session.cart = { apples: 2, coupon: undefined };
  }

  @Get('large')
  large(@Session() session: Session) {
    session.cart = 'x'.repeat(2000);
  }

  @Get('large-and-caught')
  async largeAndCaught(@Session() session: Session) {
    session.cart = 'x'.repeat(2000);
    const code = await session.save().catch((error: unknown) => (error as SessionError).code);
    delete session.cart;
    return code;
  }
}

describe.each(PLATFORMS)('values that cannot be stored, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);

  const app = useSessionApp(() => {
    const options = { memcached: wire.server, maxBytes: 1000 };
    return { platform, options, controllers: [ValuesController] };
  });

  beforeEach(() => wire.reset());

  async function visitorWithCart() {
    const visitor = app.visitor();
    await visitor.get('/keep');
    wire.reset();
    return visitor;
  }

  const commands = () => wire.commands.map(({ name }) => name);

  it.each(Object.entries(WRONG))(
    'give an error that names the path: a %s',
    async (kind, { path }) => {
      const visitor = await visitorWithCart();
      expect((await visitor.get(`/set/${kind}`)).body).toBe(path);
      expect((await visitor.get('/')).json).toEqual({ cart: { apples: 1 } });
      expect(commands()).toEqual(['mg', 'mg']);
    },
  );

  it('fail the handler at once if they are assigned', async () => {
    const visitor = await visitorWithCart();
    expect((await visitor.get('/assign/date')).status).toBe(500);
    expect(app.logged.errors.join()).toContain(
      'session.cart.at: a Date would not come back as one',
    );
  });

  it('fail the commit if they are in an object that was read, and nothing is stored', async () => {
    const visitor = await visitorWithCart();
    const response = await visitor.get('/mutate');
    expect(response.status).toBe(500);
    expect(response.json).toEqual({ statusCode: 500, message: 'Internal server error' });
    expect(app.logged.errors.join()).toContain('SessionValueError: session.cart.at');
    expect((await visitor.get('/')).json).toEqual({ cart: { apples: 1 } });
    expect(commands()).not.toContain('cas');
  });

  it('are not sent if they are larger than maxBytes, and the stored record stays unchanged', async () => {
    const visitor = await visitorWithCart();
    expect((await visitor.get('/large')).status).toBe(500);
    expect((await visitor.get('/large-and-caught')).body).toBe('SESSION_TOO_LARGE');
    expect((await app.visitor().get('/large')).setCookies).toEqual([]);
    expect(commands().filter((name) => name === 'add')).toEqual([]);
    expect((await visitor.get('/')).json).toEqual({});
  });
});

describe.each(PLATFORMS)('a property that is undefined, on %s', (platform) => {
  const controllers = [ValuesController];
  const lenient = useSessionApp(() => ({ platform, controllers }));
  const strict = useSessionApp(() => ({
    ...{ platform, controllers },
    options: { strictValues: true },
  }));

  it('is left out, as JSON leaves it out', async () => {
    const visitor = lenient.visitor();
    expect((await visitor.get('/undefined')).status).toBe(200);
    expect((await visitor.get('/')).json).toEqual({ cart: { apples: 2 } });
  });

  it('is an error that names the path, with strictValues', async () => {
    const visitor = strict.visitor();
    await visitor.get('/keep');
    expect((await visitor.get('/undefined')).status).toBe(500);
    expect(strict.logged.errors.join()).toContain('session.cart.coupon: JSON has no undefined');
    expect((await visitor.get('/')).json).toEqual({ cart: { apples: 1 } });
  });
});
