import { ANSWERS } from '../answers.js';

/** The entries that the routes read and write; a session holds more. */
export interface SampleEntries {
  user: string;
  visits: number;
}

/** An ordinary session: several entries, about 300 bytes of JSON. */
export function smallSession(): SampleEntries & Record<string, unknown> {
  return {
    user: ANSWERS.read.user,
    visits: 0,
    locale: 'en-GB',
    theme: 'dark',
    csrfToken: 'b3Blbi1zZXNhbWUtYW5kLWxldC1tZS1pbi1wbGVhc2U',
    lastSignIn: '2026-01-31T09:26:53.589Z',
    lastPage: '/shop/fruit/apples?sort=price',
    cart: [
      { product: 'apple', count: 3 },
      { product: 'pear', count: 1 },
    ],
    roles: ['customer', 'reviewer'],
  };
}

/** The same with a long history: 20 kB of JSON. */
export function largeSession(): SampleEntries & Record<string, unknown> {
  const history = Array.from({ length: 200 }, (_, visit) => ({
    page: `/shop/fruit/page-${String(visit).padStart(3, '0')}?sort=price`,
    at: '2026-01-31T09:26:53.589Z',
    seconds: 42,
  }));
  return { ...smallSession(), history };
}
