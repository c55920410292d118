import { afterEach, describe, expect, it } from '@jest/globals';

import { operate } from '../support/graphql-apps.js';
import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { readmeExample } from './readme-example.js';

/** Milliseconds; to compile and to start an application on a busy machine. */
const RECIPE_TIMEOUT = 120_000;

const main = `
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
await app.listen(Number(process.env.PORT), '127.0.0.1');
`;

describe("the README's recipes compile, and do what they say", () => {
  const cleanUps: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /** An application made of a recipe's module, and what else the recipe has. */
  async function start(sources: Record<string, string>) {
    const consumer = await Consumer.link({ 'main.ts': main, ...sources });
    cleanUps.push(() => consumer.remove());
    await consumer.compile();
    const server = await consumer.start();
    cleanUps.push(() => server.stop());
    return { consumer, url: server.url };
  }

  it(
    'header transport: a mobile client by header, a browser by cookie',
    async () => {
      const { consumer, url } = await start({
        'app.module.ts': await readmeExample('header-transport'),
        'client.ts': await readmeExample('header-transport-client'),
      });
      const { send } = await consumer.load('client.js');
      const post = async (path: string): Promise<unknown> =>
        (await send(url + path, { method: 'POST' })).text();
      expect([await post('/cart'), await post('/cart')]).toEqual(['1', '2']);
      await post('/sign-out');
      expect(await post('/cart')).toBe('1');

      const browser = visitor(url);
      expect((await browser.post('/cart')).headers).not.toHaveProperty('x-session-id');
      expect((await browser.post('/cart')).body).toBe('2');
    },
    RECIPE_TIMEOUT,
  );

  it(
    'GraphQL: resolvers and a guard',
    async () => {
      const { url } = await start({ 'app.module.ts': await readmeExample('graphql') });
      const somebody = visitor(url);
      expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
      await operate(somebody, 'mutation { signIn(name: "Ada") }');
      expect((await operate(somebody, '{ me }')).data).toEqual({ me: 'Ada' });
      await operate(somebody, 'mutation { signOut }');
      expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
    },
    RECIPE_TIMEOUT,
  );
});
