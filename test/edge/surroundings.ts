import { AROUND_MIDDLEWARE } from './around-middleware.js';
import { AROUND_NEST } from './around-nest.js';
import { AROUND_PARENTS } from './around-parents.js';

/** What can be around a response. */
export const SURROUNDINGS = [...AROUND_MIDDLEWARE, ...AROUND_NEST, ...AROUND_PARENTS];

/** Each on each platform where it can be. */
export const PLACES = SURROUNDINGS.flatMap((surrounding) =>
  surrounding.platforms.map((platform) => ({ ...surrounding, platform })),
);
