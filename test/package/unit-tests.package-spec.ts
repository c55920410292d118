import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { guideExample } from './readme-example.js';

/** Milliseconds; to compile and to test on a busy machine. */
const TIMEOUT = 180_000;

/** What the example uses of Jest's globals. */
const globals = `
import { deepEqual, rejects } from 'node:assert/strict';
export { describe, it } from 'node:test';

export const expect = (value: any) => ({
  toBe: (other: unknown) => deepEqual(value, other),
  toEqual: (other: unknown) => deepEqual(value, other),
  rejects: { toMatchObject: (other: object) => rejects(value, other) },
});
`;

const IMPORT = "import { describe, expect, it } from './globals.js';\n";

describe.each(['module', 'commonjs'] as const)(
  'tests of a controller and a guard by itself, by node:test, as %s',
  (type) => {
    let consumer: Consumer;

    beforeAll(async () => {
      consumer = await Consumer.link(
        {
          'globals.ts': globals,
          'wishes.ts': await guideExample('testing', 'unit-wishes'),
          'wishes.test.ts': IMPORT + (await guideExample('testing', 'unit-test')),
        },
        type,
      );
    }, TIMEOUT);

    afterAll(() => consumer.remove());

    it(
      'pass, as their page has them',
      async () => {
        await consumer.compile();
        const told = await consumer.nodeTests('wishes.test.js');
        expect(told).toMatch(/^# fail 0$/m);
        expect(told).toMatch(/^# pass 4$/m);
      },
      TIMEOUT,
    );
  },
);
