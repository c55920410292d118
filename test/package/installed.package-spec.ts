import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { quickStart } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

/** The most packages that an application may get; this package counts. A larger number is a decision. */
const MOST_PACKAGES = 14;
const MOST_BYTES = 5_000_000;

const NEST = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@12`);

describe('the installed package', () => {
  let packed: Packed;
  let consumer: Consumer;
  /** What it brings to an application of Nest: folders, and the bytes in each. */
  let added: [string, number][];

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.empty(await quickStart());
    await consumer.add(...NEST, 'reflect-metadata', 'rxjs');
    const before = await consumer.installed();
    await consumer.add(packed.archive);
    added = [...(await consumer.installed())].filter(([folder]) => !before.has(folder));
    // To compile with; `@types/node` is of Node.js, which the public types name.
    await consumer.add('typescript@6', '@types/node@20');
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it('adds few packages', () => {
    expect(added.map(([folder]) => folder)).toContain('node_modules/nestjs-session-manager');
    expect(added.length).toBeLessThanOrEqual(MOST_PACKAGES);
  });

  it('adds few bytes', () => {
    expect(added.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThanOrEqual(MOST_BYTES);
  });

  it('brings along no types of others and no optional peer', () => {
    const others = /@types\/|@nestjs\/(graphql|terminus|websockets)$/;
    expect(added.filter(([folder]) => others.test(folder))).toEqual([]);
  });

  it(
    'compiles without them, and counts visits',
    async () => {
      expect(await consumer.typeErrors()).toEqual([]);
      await consumer.compile();
      const app = await consumer.start();
      try {
        const somebody = visitor(app.url);
        await somebody.get('/account');
        expect((await somebody.get('/account')).body).toContain('2');
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
