import { sign } from 'cookie-signature';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SessionOptionsError, type SessionModuleOptions } from '../../src/index.js';
import { recordSeal } from '../../src/session/storage/seal.js';
import type { Visitor } from '../support/http-client.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';
import { idOf, securityWorld, type MemcachedSecurityWorld } from './security-world.js';

const [OLD, NEW] = [
  'the older secret of more than 32 characters',
  'the newer secret, as long as that',
];

describe('secrets', () => {
  let world: MemcachedSecurityWorld;

  beforeEach(async () => {
    world = await securityWorld();
  });

  afterEach(() => world.close());

  const process = (secrets?: string[]): Promise<SessionApp> => world.another({ secrets });

  const signedIn = async (app: SessionApp): Promise<Visitor> => {
    const visitor = app.visitor();
    await visitor.get('/put?value=Ada');
    return visitor;
  };

  /** The same browser at another process. */
  const at = (app: SessionApp, { cookie }: Visitor): Visitor => {
    const visitor = app.visitor();
    visitor.cookie = cookie;
    return visitor;
  };

  const markAt = async (app: SessionApp, visitor: Visitor): Promise<unknown> =>
    ((await at(app, visitor).get('/read')).json as { mark?: string }).mark;

  it('A11.4: sign the cookie as cookie-parser does', async () => {
    const visitor = await signedIn(await process([NEW]));
    const value = decodeURIComponent(visitor.cookie.slice('SID='.length));
    expect(value).toBe(`s:${sign(idOf(visitor), NEW)}`);
  });

  it('refuse a cookie without their signature, without I/O', async () => {
    const app = await process([NEW, OLD]);
    const visitor = await signedIn(app);
    const id = idOf(visitor);
    const signature = sign(id, NEW).slice(id.length);
    const values = [
      ...[id, `s:${id}`, `s:${id}.`, `s:${id}${signature.slice(0, -1)}`, `s:${id}${signature}=`],
      ...[
        `s:${sign(id, 'another secret of 32 characters, too')}`,
        `${id}${signature}`,
        `s:${signature}`,
      ],
      ...[`S:${id}${signature}`, `s: ${id}${signature}`, `s:s:${id}${signature}`],
    ];
    const commands = await world.commandsOf(async () => {
      for (const value of values) {
        const stranger = app.visitor();
        stranger.cookie = `SID=${encodeURIComponent(value)}`;
        expect((await stranger.get('/read')).body).toBe('{}');
      }
    });
    expect(commands).toEqual([]);
  });

  it('that are rotated open with the old one and write with the new one', async () => {
    const visitor = await signedIn(await process([OLD]));
    const rotated = await process([NEW, OLD]);
    expect(await markAt(rotated, visitor)).toBe('Ada');
    const newcomer = await signedIn(rotated);
    expect(await markAt(await process([NEW]), newcomer)).toBe('Ada');
    expect(await markAt(await process([OLD]), newcomer)).toBeUndefined();
  });

  it('that are rotated seal a record again at its next write, and sign its cookie at the next id', async () => {
    const visitor = await signedIn(await process([OLD]));
    const rotated = at(await process([NEW, OLD]), visitor);
    const sealed = [...(await world.dump()).values()];
    await rotated.get('/count');
    const [[key, text]] = [...(await world.dump())] as [[string, string]];
    expect([text === sealed[0], recordSeal([OLD]).open(key, text)]).toEqual([false, undefined]);
    expect(recordSeal([NEW]).open(key, text)).toContain('Ada');
    await rotated.get('/login');
    expect(await markAt(await process([NEW]), rotated)).toBe('Ada');
  });

  it('that are removed end the sessions that still used them', async () => {
    const visitor = await signedIn(await process([OLD]));
    expect(await markAt(await process([NEW]), visitor)).toBeUndefined();
    expect(await markAt(await process([NEW, OLD]), visitor)).toBe('Ada');
  });

  it('can be rotated in a rolling deployment if all processes know the new one first', async () => {
    const [before, knowing, after] = [
      await process([OLD]),
      await process([OLD, NEW]),
      await process([NEW, OLD]),
    ];
    const visitors = [await signedIn(before), await signedIn(knowing)];
    for (const visitor of visitors) {
      for (const app of [before, knowing, after]) expect(await markAt(app, visitor)).toBe('Ada');
    }
    const newcomer = await signedIn(after);
    for (const app of [knowing, after]) expect(await markAt(app, newcomer)).toBe('Ada');
  });

  it('rotated without that make sessions invalid in processes that do not know the new one', async () => {
    const [before, after] = [await process([OLD]), await process([NEW, OLD])];
    const visitor = await signedIn(before);
    expect(await markAt(after, visitor)).toBe('Ada');
    expect(await markAt(before, visitor)).toBe('Ada'); // only read, it is sealed as it was
    await at(after, visitor).get('/count');
    expect(await markAt(after, visitor)).toBe('Ada');
    expect(await markAt(before, visitor)).toBeUndefined();
  });

  it('turned on end the sessions without secrets, and cause no errors', async () => {
    const without = await process();
    const visitor = await signedIn(without);
    const secured = await process([NEW]);
    const moved = at(secured, visitor);
    const { status, json } = await moved.get('/count');
    expect([status, json]).toEqual([200, { visits: 1 }]);
    expect((await moved.get('/read')).json).toEqual({ visits: 1 });
    expect(await markAt(without, visitor)).toBe('Ada');
  });

  it('turned off end the sessions with secrets, and cause no errors', async () => {
    const visitor = await signedIn(await process([NEW]));
    const moved = at(await process(), visitor);
    const { status, json } = await moved.get('/count');
    expect([status, json]).toEqual([200, { visits: 1 }]);
    expect((await moved.get('/read')).json).toEqual({ visits: 1 });
  });

  it.each([
    ['on', [undefined, [NEW]]],
    ['off', [[NEW], undefined]],
  ])(
    'turned %s in a rolling deployment end the session of a visitor at each change of process',
    async (_how, [earlier, later]) => {
      const apps = [await process(earlier), await process(later)];
      let visitor = await signedIn(apps[0]!);
      for (const app of [apps[1]!, apps[0]!, apps[1]!]) {
        visitor = at(app, visitor);
        const { status, json } = await visitor.get('/count');
        expect([status, json]).toEqual([200, { visits: 1 }]);
      }
    },
  );

  it('turned on under another cookie name keep the sessions of both side by side', async () => {
    const without = await process();
    const secured = await world.another({ secrets: [NEW], cookie: { name: 'SID2' } });
    const visitor = await signedIn(without);
    const moved = at(secured, visitor);
    await moved.get('/count');
    const both = `${visitor.cookie}; ${moved.cookie}`;
    const answers = [];
    for (const app of [without, secured, without, secured]) {
      answers.push((await app.visitor().get('/read', { headers: { cookie: both } })).json);
    }
    expect(answers).toEqual([{ mark: 'Ada' }, { visits: 1 }, { mark: 'Ada' }, { visits: 1 }]);
  });

  it('have different derived keys for each use', async () => {
    const app = await process([NEW]);
    await world.memcached.flush();
    const visitor = await signedIn(app);
    const id = idOf(visitor);
    const [[key, text]] = [...(await world.dump())] as [[string, string]];
    const signature = sign(id, NEW).slice(id.length + 1);
    expect(key).not.toContain(signature.slice(0, 20));
    // As long as the value before, and another one: to write that again would be nothing to store.
    await at(app, visitor).get('/put?value=Zoe');
    const [again] = [...(await world.dump()).values()];
    // The nonce is another one each time, and so is all that follows.
    expect(again!.slice(3, 19)).not.toBe(text.slice(3, 19));
  });

  it.each([
    ['a short one', 'too short'],
    ['31 characters', 'x'.repeat(31)],
    ['none in a list', []],
    ['a short one behind a long one', [NEW, 'short']],
    ['what is no text', 42 as unknown as string],
    ['a Buffer', Buffer.alloc(32) as unknown as string],
  ])(
    'are refused at start if they are %s, and the error does not show them',
    async (_what, secrets) => {
      const error: unknown = await startSessionApp({ controllers: [], options: { secrets } }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(SessionOptionsError);
      const { message, stack } = error as Error;
      for (const secret of [secrets].flat()) {
        expect(message + String(stack)).not.toContain(`'${String(secret)}'`);
      }
      expect(message).toMatch(/32 characters|at least one/);
    },
  );
});

describe('a start in production', () => {
  const { NODE_ENV } = process.env;

  afterEach(() => {
    process.env.NODE_ENV = NODE_ENV;
  });

  const warningsIn = async (environment: string, options: SessionModuleOptions) => {
    process.env.NODE_ENV = environment;
    const app = await startSessionApp({ controllers: [], options });
    await app.close();
    return app.logged.warnings;
  };

  // The server is not asked before there is a request.
  const memcached = '127.0.0.1:1';

  it('without secrets logs one warning that names what is missing', async () => {
    expect(await warningsIn('production', { memcached })).toEqual([
      expect.stringMatching(/^No secrets are given: .* Give the option secrets/),
    ]);
  });

  it('with secrets logs no warning, nor does one outside production', async () => {
    expect(await warningsIn('production', { memcached, secrets: NEW })).toEqual([]);
    expect(await warningsIn('development', { memcached })).toEqual([]);
  });
});
