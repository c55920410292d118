import type { Parameters } from 'fast-check';

/*
 * FUZZ        how many cases of each property
 * FUZZ_SEED   of a run to repeat, as a failure prints it; FUZZ_PATH with it: just that case
 */
const { FUZZ = '200000', FUZZ_SEED, FUZZ_PATH } = process.env;

/** How fast-check is to run; properties that cost more than others take a part of the cases. */
export function fuzzRuns<T>(part = 1): Parameters<T> {
  return {
    numRuns: Math.ceil(Number(FUZZ) * part),
    ...(FUZZ_SEED && { seed: Number(FUZZ_SEED) }),
    ...(FUZZ_PATH && { path: FUZZ_PATH, endOnFailure: true }),
  };
}

/** Milliseconds a test may take: far more than it does, on any machine. */
export const FUZZ_TIMEOUT = Number(FUZZ) * 20 + 60_000;
