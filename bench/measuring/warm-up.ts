import type { RouteName } from '../routes.js';
import type { Entrant } from './entrant.js';
import { takeSample } from './sample.js';

const MIN_BATCHES = 3;
const MAX_BATCHES = 8;

/** A batch has to be cheaper than the best so far by this much, or the server is warm. */
const STILL_WARMING = 0.97;

/** Sends batches of requests until they get no cheaper. */
export async function warmUp(entrant: Entrant, route: RouteName, batchSize: number): Promise<void> {
  let best = Infinity;
  for (let batch = 1; batch <= MAX_BATCHES; batch++) {
    const { cpuMicros } = await takeSample(entrant, route, batchSize);
    if (batch >= MIN_BATCHES && cpuMicros > best * STILL_WARMING) return;
    best = Math.min(best, cpuMicros);
  }
}
