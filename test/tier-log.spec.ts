import { expect, it } from '@jest/globals';

import { TierLog } from '../src/session.tier-log.js';

it('tells of an outage of the durable store once, and once of its end', () => {
  const lines: string[] = [];
  const log = new TierLog({
    warn: () => lines.push('warn'),
    log: () => lines.push('log'),
  });
  log.copied();
  for (let n = 0; n < 1000; n++) log.copyFailed();
  log.copied();
  log.copied();
  log.copyFailed();
  expect(lines).toEqual(['warn', 'log', 'warn']);
});
