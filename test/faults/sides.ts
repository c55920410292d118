import { Crowd } from './crowd.js';
import type { Fault, FaultyWorld, Side } from './fault.js';
import { FaultsApp, type Contender, type StoresOfApp } from './faults-app.js';

export const VISITORS = 200;

/** An application of each contender, all with the same stores, and visitors of each. */
export function startSides<World extends FaultyWorld>(
  { loses }: Fault<World>,
  contenders: readonly Contender[],
  stores: StoresOfApp,
): Promise<Side[]> {
  return Promise.all(
    contenders.map(async (contender) => {
      const app = new FaultsApp({ contender, stores });
      await app.start();
      const joinsAgain = loses !== undefined;
      return { contender, app, crowd: new Crowd(() => app.port, { size: VISITORS, joinsAgain }) };
    }),
  );
}

export async function stopSides(sides: readonly Side[]): Promise<void> {
  for (const { crowd } of sides) await crowd.end();
  for (const { crowd } of sides) crowd.leave();
  await Promise.all(sides.map(({ app }) => app.stop()));
}
