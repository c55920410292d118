import { describe, expect, it } from '@jest/globals';

import { publicApi } from './public-api.js';

/** After a change that is meant: `npm run test:package -- public-api -u`. */
describe('the public types', () => {
  it.each([
    'index',
    'testing',
    'terminus',
    'inspector',
    'postgres',
    'sqlite',
    'redis',
    'express-session',
    'passport',
  ])('of %s are those that are recorded', (entry) => {
    expect(publicApi(entry)).toMatchSnapshot();
  });
});
