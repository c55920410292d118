import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { operate } from '../support/graphql-apps.js';
import { visitor } from '../support/http-client.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { readmeExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

const mainSource = `
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  await app.listen(Number(process.env.PORT));
}
void bootstrap();
`;

describe('a newcomer with GraphQL, with Nest 11, commonjs', () => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.install({
      ...{ nest: 11, type: 'commonjs', archive: packed.archive },
      tools: [
        ...['@nestjs/graphql@13', '@nestjs/apollo@13', '@apollo/server@5'],
        ...['@as-integrations/express5', 'graphql@16'],
      ],
      sources: { 'main.ts': mainSource, 'app.module.ts': await readmeExample('graphql') },
    });
    await consumer.compile();
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await packed.remove();
  });

  it(
    'has the session in resolvers and in their guard',
    async () => {
      const app = await consumer.start();
      try {
        const somebody = visitor(app.url);
        expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
        await operate(somebody, 'mutation { signIn(name: "Ada") }');
        expect((await operate(somebody, '{ me }')).data).toEqual({ me: 'Ada' });
        await operate(somebody, 'mutation { signOut }');
        expect((await operate(somebody, '{ me }')).errors).toHaveLength(1);
      } finally {
        await app.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
