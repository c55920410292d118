import type { Answer, Ask } from './visitor.js';
import { Visitor } from './visitor.js';

export interface Load {
  /** How many requests in all, over all visitors. */
  readonly count: number;
  /** What is asked next. */
  readonly next: () => Ask;
  /** Throws if it is not the answer that was to come. */
  readonly check: (answer: Answer) => void;
}

export interface LoadResult {
  readonly seconds: number;
  /** Of each request, in milliseconds, the shortest first. */
  readonly latencies: Float64Array;
}

/** Answers the asks by turns, so that each request uses another session than those before it. */
export function wheel(asks: readonly Ask[]): () => Ask {
  let turn = 0;
  return () => asks[turn++ % asks.length]!;
}

/** Has visitors for `work`, who leave after it. */
export async function withVisitors<T>(
  port: number,
  count: number,
  work: (visitors: readonly Visitor[]) => Promise<T>,
): Promise<T> {
  const visitors = Array.from({ length: count }, () => new Visitor(port));
  try {
    return await work(visitors);
  } finally {
    await Promise.all(visitors.map((visitor) => visitor.leave()));
  }
}

/** Every visitor asks again as soon as he has an answer. */
export async function runLoad(
  visitors: readonly Visitor[],
  { count, next, check }: Load,
): Promise<LoadResult> {
  const latencies = new Float64Array(count);
  let sent = 0;
  const begin = performance.now();
  await Promise.all(
    visitors.map(async (visitor) => {
      while (sent < count) {
        const request = sent++;
        const start = performance.now();
        const answer = await visitor.ask(next());
        latencies[request] = performance.now() - start;
        check(answer);
      }
    }),
  );
  return { seconds: (performance.now() - begin) / 1000, latencies: latencies.sort() };
}
