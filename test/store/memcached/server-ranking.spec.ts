import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { best, type WeightedServer } from '../../../src/store/memcached/server-ranking.js';
import { storeKeyOf } from '../../support/store-key.js';

/** The same in every run, so that no share is too far from even by chance. */
const KEYS = Array.from({ length: 20_000 }, (_, n) => storeKeyOf(idOf(n)));

const servers = (...weights: number[]): WeightedServer[] =>
  weights.map((weight, at) => ({ server: `cache-${at + 1}:11211`, weight }));

function idOf(n: number): string {
  return createHash('sha256').update(String(n)).digest('base64url');
}

function sharesOf(all: readonly WeightedServer[]): number[] {
  const counts = new Map(all.map(({ server }) => [server, 0]));
  for (const key of KEYS) {
    const { server } = best(all, key);
    counts.set(server, counts.get(server)! + 1);
  }
  return [...counts.values()].map((count) => count / KEYS.length);
}

describe('the distribution of 20,000 sessions', () => {
  it('is even within 5 %', () => {
    for (const share of sharesOf(servers(1, 1, 1))) {
      expect(Math.abs(share * 3 - 1)).toBeLessThan(0.05);
    }
  });

  it('follows the weights', () => {
    const [one, two, half] = sharesOf(servers(1, 2, 0.5)) as [number, number, number];
    expect(two / one).toBeCloseTo(2, 0);
    expect(half / one).toBeCloseTo(0.5, 1);
  });

  it('changes for at most 27 % with a fourth server, which gets all of these', () => {
    const [three, four] = [servers(1, 1, 1), servers(1, 1, 1, 1)];
    const moved = KEYS.filter((key) => best(three, key).server !== best(four, key).server);
    expect(moved.length / KEYS.length).toBeLessThan(0.27);
    expect(moved.length / KEYS.length).toBeGreaterThan(0.23);
    for (const key of moved) expect(best(four, key).server).toBe('cache-4:11211');
  });

  it('does not depend on the order of the servers', () => {
    const all = servers(1, 2, 1);
    for (const key of KEYS.slice(0, 1000)) {
      expect(best([...all].reverse(), key)).toBe(best(all, key));
    }
  });

  it('changes only for the sessions of a removed server', () => {
    const [four, three] = [servers(1, 2, 1, 1), servers(1, 2, 1)];
    const stayed = KEYS.filter((key) => best(four, key).server !== 'cache-4:11211');
    expect(stayed.length).toBeLessThan(KEYS.length);
    const moved = stayed.filter((key) => best(three, key).server !== best(four, key).server);
    expect(moved).toEqual([]);
  });

  it('is the only server if there is one', () => {
    const [only] = servers(1);
    for (const key of KEYS.slice(0, 10)) expect(best([only!], key)).toBe(only);
  });
});
