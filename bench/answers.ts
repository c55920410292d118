/** What the routes answer, the same for all contenders; those with sessions get it from there. */
export const ANSWERS = {
  untouched: { hello: 'world' },
  read: { user: 'ada' },
  written: { written: true },
  seeded: { seeded: true },
} as const;
