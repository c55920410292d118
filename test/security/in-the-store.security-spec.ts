import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { checksumSeal } from '../../src/session/storage/seal.js';
import { STORES } from './attacked-stores.js';
import { idOf, securityWorldOn, type SecurityWorld } from './security-world.js';

const SECRET = 'a secret of thirty-two characters or more';

const CASES = STORES.flatMap((store) => [
  { ...store, how: 'without secrets', secrets: [] },
  { ...store, how: 'with secrets', secrets: [SECRET] },
]);

describe.each(CASES)('a stored record, $how, $name', ({ startStore, secrets }) => {
  let world: SecurityWorld;

  beforeAll(async () => {
    world = await securityWorldOn(startStore, { options: secrets.length > 0 ? { secrets } : {} });
  });

  afterAll(() => world.close());

  beforeEach(() => world.store.flush());

  /** A session's only record. */
  const record = async (): Promise<[string, string]> => [...(await world.dump())][0]!;

  it('CVE-2019-16782: has no id, and with secrets no plaintext', async () => {
    const visitor = await world.visitorWith('the-mark-of-Ada');
    const [key, text] = await record();
    expect(key + text).not.toContain(idOf(visitor));
    expect(text.includes('the-mark-of-Ada')).toBe(secrets.length === 0);
  });

  it('CVE-2019-16782: opens no session when any of it is sent as a cookie', async () => {
    const [, id] = /SID=(.*)/.exec((await world.visitorWith('Ada')).cookie)!;
    const [key, text] = await record();
    const digest = key.slice('sess:'.length);
    const parts = [key, digest, text, text.slice(0, 43), `s:${digest}`, `${id}${digest}`];
    for (const value of parts.map(encodeURIComponent)) {
      expect((await world.sender(`SID=${value}`).get('/read')).body).toBe('{}');
    }
  });

  it('A11.3: opens no session after any of its bytes is changed, and that is logged', async () => {
    const visitor = await world.visitorWith('Ada');
    const [key, text] = await record();
    for (let at = 0; at < text.length; at++) {
      const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1);
      await world.store.overwrite(key, text.slice(0, at) + flipped + text.slice(at + 1));
      expect((await visitor.get('/read')).body).toBe('{}');
    }
    // Once a minute, however often it is read.
    const reports = world.app.logged.warnings.filter((line) => line.includes('could not be read'));
    expect(reports[0]).toBe('A stored record could not be read as a session; it is ignored.');
    expect(reports.length).toBeLessThan(text.length / 10);
    await world.store.overwrite(key, text);
    expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada' });
  });

  it('A11.3: opens no session after it is shortened or extended', async () => {
    const visitor = await world.visitorWith('Ada');
    const [key, text] = await record();
    for (const other of [text.slice(0, -1), text.slice(1), `${text}x`, `${text}\n`, text + text]) {
      await world.store.overwrite(key, other);
      expect((await visitor.get('/read')).body).toBe('{}');
    }
  });

  it('A11.3: opens no session under another key', async () => {
    const bob = await world.visitorWith('Bob');
    const [key] = await record();
    await world.visitorWith('Ada');
    const [, hers] = [...(await world.dump())].find(([other]) => other !== key)!;
    await world.store.overwrite(key, hers);
    expect((await bob.get('/read')).body).toBe('{}');
  });

  it.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '42'],
    ['an object', '{"user":"admin"}'],
    ['a list', '[1,1767225600000,0,["user",7]]'],
    ['text', 'garbage'],
    ['NUL bytes', '\0\0\0'],
    ['20,000 levels of JSON', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['half a megabyte', 'x'.repeat(500_000)],
    ['a session of express-session', '{"cookie":{"path":"/"},"user":"admin"}'],
    ['the envelope of a cache', '{"value":{"user":"admin"}}'],
  ])('A1.5.2: opens no session if it is garbage, such as %s', async (_what, garbage) => {
    const visitor = await world.visitorWith('Ada');
    const [key] = await record();
    await world.store.overwrite(key, garbage);
    expect((await visitor.get('/read')).body).toBe('{}');
    await visitor.get('/put?value=new');
    expect((await visitor.get('/read')).json).toEqual({ mark: 'new' });
  });

  const now = Date.UTC(2026, 0, 1);
  it.each([
    ['whose dates are in the future', `[1,${now + 1e10},0,[]]\n`],
    ['whose dates are beyond all numbers', '[1,1e999,0,[]]\n'],
    ['whose dates are null, as NaN is in JSON', '[1,null,null,[]]\n'],
    ['whose dates are text', `[1,"${now}","0",[]]\n`],
    ['of another format', `[2,${now},0,[]]\n`],
    ['whose lengths are negative', `[1,${now},0,["a",-2,"b",4]]\n42`],
    ['whose lengths are too long', `[1,${now},0,["a",9]]\n42`],
    ['whose index is no list', `[1,${now},0,{"length":2}]\n42`],
    ['whose index is 20,000 levels deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}\n`],
    ['that leads nowhere', `[1,"sess:nowhere",${now + 1e6}]\n`],
    ['that leads there with a grace', `[1,"sess:x",${now + 1e6},"salt",${now + 1e6}]\n`],
  ])('A1.5.2: opens no session if it is a record %s', async (_what, text) => {
    const visitor = await world.visitorWith('Ada');
    const [key] = await record();
    await world.store.overwrite(key, checksumSeal.close(key, text));
    expect((await visitor.get('/read')).body).toBe('{}');
  });

  it('CVE-2026-39324: a plaintext record opens a session only where no secrets are set', async () => {
    const visitor = await world.visitorWith('Ada');
    const [key] = await record();
    const forged = `[1,${now},0,["user",7]]\n"admin"`;
    await world.store.overwrite(key, checksumSeal.close(key, forged));
    const expected = secrets.length > 0 ? {} : { user: 'admin' };
    expect((await visitor.get('/read')).json).toEqual(expected);
  });

  it('stays unchanged if a session grows too large: an error before any I/O', async () => {
    const visitor = await world.visitorWith('Ada');
    const before = await record();
    const operations = await world.operationsOf(async () => {
      const { status, setCookies } = await visitor.get('/fill?bytes=2000000');
      expect([status, setCookies]).toEqual([500, []]);
    });
    expect(operations).toEqual(['find']);
    expect(await record()).toEqual(before);
    expect(world.app.logged.errors.at(-1)).toContain('SessionTooLargeError');
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'A15.3.6: has no entry of the key %s, which is refused',
    async (key) => {
      const visitor = await world.visitorWith('Ada');
      const before = await record();
      expect((await visitor.get(`/put?key=${key}&value=1`)).status).toBe(500);
      expect(await record()).toEqual(before);
    },
  );
});

describe.each(STORES)('a record written by hand, $name', ({ startStore }) => {
  let world: SecurityWorld;

  beforeAll(async () => {
    world = await securityWorldOn(startStore);
  });

  afterAll(() => world.close());

  const withRecord = async (index: unknown[], values: string) => {
    await world.store.flush();
    const visitor = await world.visitorWith('Ada');
    const [[key]] = [...(await world.dump())] as [[string, string]];
    const text = `${JSON.stringify([1, world.clock.now(), 0, index])}\n${values}`;
    await world.store.overwrite(key, checksumSeal.close(key, text));
    return visitor;
  };

  it('A15.3.6: opens no session if an entry has the name of a prototype member', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const visitor = await withRecord([key, 16], '{"isAdmin":true}');
      expect((await visitor.get('/read')).body).toBe('{}');
    }
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it.each([
    ['no JSON', '{"a":'],
    ['20,000 levels of JSON', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['a way into prototypes', '{"__proto__":{"isAdmin":true}}'],
  ])(
    'A1.5.2: has no entry whose text is %s, and does not crash the process',
    async (_what, text) => {
      const visitor = await withRecord(['broken', text.length, 'whole', 1], `${text}1`);
      expect((await visitor.get('/read')).json).toEqual({ whole: 1 });
      expect((await visitor.get('/put?key=broken&value=mended')).status).toBe(200);
      expect((await visitor.get('/read')).json).toEqual({ broken: 'mended', whole: 1 });
    },
  );
});
