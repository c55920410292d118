import { ROUTES, type RouteName } from '../routes.js';
import { runLoad, withVisitors, type LoadResult } from '../visitors/load.js';
import type { Entrant } from './entrant.js';
import { percentile } from './statistics.js';

/** One contender at one route in one round. */
export interface Sample {
  readonly requestsPerSecond: number;
  /** CPU time of the server process a request: microseconds, by the operating system. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** At the hot session: the share of the writes that are there afterwards. */
  readonly kept?: number;
}

/** Before each sample: connections and caches are cold, since others had their turn. */
const LEAD_IN_PER_CONNECTION = 8;

export async function takeSample(
  entrant: Entrant,
  route: RouteName,
  count: number,
): Promise<Sample> {
  const { connections, visitors } = ROUTES[route];
  const countsVisits = visitors === 'hot' && entrant.contender.keepsSessions;
  const visitsBefore = countsVisits ? await entrant.visitsOf('hot') : 0;

  const leadIn = connections * LEAD_IN_PER_CONNECTION;
  const measured = await measure(entrant, route, leadIn, count);
  if (!countsVisits) return measured;
  const visits = (await entrant.visitsOf('hot')) - visitsBefore;
  return { ...measured, kept: visits / (leadIn + count) };
}

async function measure(
  entrant: Entrant,
  route: RouteName,
  leadIn: number,
  count: number,
): Promise<Sample> {
  const { server } = entrant;
  const load = {
    next: entrant.asks(route),
    check: entrant.check.bind(entrant, route),
  };
  return withVisitors(server.port, ROUTES[route].connections, async (visitors) => {
    await runLoad(visitors, { ...load, count: leadIn });
    const before = await server.cpuMicros();
    const result = await runLoad(visitors, { ...load, count });
    const after = await server.cpuMicros();
    return sampleOf(result, (after - before) / count);
  });
}

function sampleOf({ seconds, latencies }: LoadResult, cpuMicros: number): Sample {
  return {
    requestsPerSecond: latencies.length / seconds,
    cpuMicros,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}
