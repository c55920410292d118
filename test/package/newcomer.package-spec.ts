import { readdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { quickStart } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

/** What test/types shows of the public types, for an application that declares its entries. */
async function typedSources(): Promise<Record<string, string>> {
  const folder = new URL('../types/declared/', import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  const texts = names.map(async (name) => [name, await readFile(new URL(name, folder), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

describe.each([
  { nest: 12, type: 'module' },
  { nest: 12, type: 'commonjs' },
  { nest: 11, type: 'commonjs' },
] as const)('a newcomer with Nest $nest, $type', ({ nest, type }) => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    const sources = { ...(await quickStart()), ...(await typedSources()) };
    const tools = ['expect-type@1'];
    consumer = await Consumer.install({ nest, type, archive: packed.archive, tools, sources });
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it(
    'compiles the README’s example and its own types',
    async () => {
      await consumer.compile();
      const loads =
        type === 'module' ? /from 'nestjs-session-manager'/ : /require\("nestjs-session/;
      expect(await consumer.compiled('account.module.js')).toMatch(loads);
    },
    INSTALL_TIMEOUT,
  );

  it(
    'needs no optional peer, for its code or for its types',
    async () => {
      const optional = ['@nestjs/graphql', '@nestjs/terminus', '@nestjs/websockets'];
      expect(optional.filter((name) => consumer.has(name))).toEqual([]);
      expect(await consumer.typeErrors()).toEqual([]);
    },
    INSTALL_TIMEOUT,
  );

  it(
    'runs it: visits are counted, also across a sign-in, and the guard lets in a user who is signed in',
    async () => {
      const app = await consumer.start();
      try {
        const somebody = visitor(app.url);
        await somebody.get('/account');
        expect((await somebody.get('/account')).json).toEqual({ visits: 2 });
        expect((await visitor(app.url).get('/account')).json).toEqual({ visits: 1 });
        expect((await somebody.get('/account/orders')).status).toBe(403);
        const before = somebody.cookie;
        await somebody.post('/account/sign-in', { name: 'ada' });
        expect(somebody.cookie).not.toBe(before);
        expect((await somebody.get('/account/orders')).json).toEqual({ of: 'ada' });
        expect((await somebody.get('/account')).json).toEqual({ visits: 3 });
        await somebody.post('/account/sign-out');
        expect((await somebody.get('/account/orders')).status).toBe(403);
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
