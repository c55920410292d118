import { CONTENDERS, type ContenderName } from '../contenders.js';
import type { RouteName } from '../routes.js';
import type { ServerSettings } from './contender-server.js';
import { Entrant } from './entrant.js';
import { takeSample, type Sample } from './sample.js';
import { warmUp } from './warm-up.js';

export interface BenchPlan {
  readonly contenders: readonly ContenderName[];
  readonly routes: readonly RouteName[];
  readonly rounds: number;
  /** Requests a sample. */
  readonly requests: number;
}

/** The samples of a contender at a route, one a round. */
export interface Series {
  readonly contender: ContenderName;
  readonly route: RouteName;
  readonly samples: readonly Sample[];
}

export interface BenchRun {
  readonly series: readonly Series[];
  readonly isPinned: boolean;
}

/** A contender's turns at a route. */
interface Lane {
  readonly entrant: Entrant;
  readonly route: RouteName;
  readonly samples: Sample[];
}

/** Measures the contenders by turns, so that what else the machine does hits all alike. */
export async function runBench(
  plan: BenchPlan,
  settings: ServerSettings,
  progress: (text: string) => void,
): Promise<BenchRun> {
  const { contenders, routes, rounds, requests } = plan;
  const entrants: Entrant[] = [];
  try {
    for (const name of contenders) {
      progress(`Starting ${name}`);
      entrants.push(await Entrant.start(name, servedBy(name, routes), settings));
    }

    const lanes = routes.map((route) => lanesOf(route, entrants));
    for (const { entrant, route } of lanes.flat()) {
      progress(`Warming up ${entrant.name} (${route})`);
      await warmUp(entrant, route, requests);
    }

    for (let round = 1; round <= rounds; round++) {
      for (const { entrant, route, samples } of lanes.flatMap((lane) => rotated(lane, round))) {
        progress(`Round ${round} of ${rounds}: ${route}, ${entrant.name}`);
        samples.push(await takeSample(entrant, route, requests));
      }
    }

    return {
      series: lanes.flat().map(({ entrant, ...lane }) => ({ contender: entrant.name, ...lane })),
      isPinned: entrants.every(({ server }) => server.isPinned),
    };
  } finally {
    await Promise.all(entrants.map(({ server }) => server.stop()));
  }
}

function servedBy(name: ContenderName, routes: readonly RouteName[]): RouteName[] {
  return routes.filter((route) => CONTENDERS[name].routes.includes(route));
}

function lanesOf(route: RouteName, entrants: readonly Entrant[]): Lane[] {
  return entrants
    .filter(({ contender }) => contender.routes.includes(route))
    .map((entrant) => ({ entrant, route, samples: [] }));
}

/** No contender is always the first, nor always after the same other one. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length && by % items.length;
  const turned = [...items.slice(start), ...items.slice(0, start)];
  return by % 2 ? turned : turned.reverse();
}
