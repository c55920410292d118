import { setTimeout as delay } from 'node:timers/promises';

import type { Crowd } from './crowd.js';
import type { Fault, FaultyWorld, Side } from './fault.js';
import type { Contender, Figures } from './faults-app.js';
import { stopSides } from './sides.js';
import type { Seen } from './visitor.js';

export interface RunSettings {
  /** How long the fault lasts. */
  readonly seconds: number;
  readonly contenders: readonly Contender[];
  /** In which all has to be well, before the fault, and twice that to believe that it is over. */
  readonly calm: number;
  /** Seconds after which the run stops waiting for a contender. */
  readonly patience: number;
}

/** The observations of one contender during a fault. */
export interface Sighting {
  readonly contender: Contender;
  /** From the beginning of the fault on. */
  readonly seen: readonly Seen[];
  /** When the fault was over, by the clock of `seen`. */
  readonly ended: number;
  /** Commands of this package that reached the proxy while the fault lasted, if it counts them. */
  readonly commands: number | undefined;
  /** The state after the end; of a restarted application, if it had to be restarted. */
  readonly final: readonly Seen[];
  /** Milliseconds from the end of the fault to the last request that was not served; 0: none. */
  readonly recovery: number;
  /** Whether it recovered without a restart, within `patience`. */
  readonly hasRecovered: boolean;
  /** Before the fault, and at its end, if it is the same process. */
  readonly before: Figures;
  readonly after: Figures | undefined;
  /** Whether its process ended without being stopped by the run. */
  readonly hasDied: boolean;
  /** Warnings and errors from the beginning of the fault on. */
  readonly logged: readonly string[];
}

/** Whether the fault allows this outcome. */
export function isGood<World extends FaultyWorld>(
  { loses }: Fault<World>,
  { outcome }: Seen,
): boolean {
  return outcome === 'served' || (outcome === 'stranger' && loses !== undefined);
}

export type StartWorld<World extends FaultyWorld> = (
  fault: Fault<World>,
  contenders: readonly Contender[],
) => Promise<World>;

/** Runs one fault for all contenders at the same time, and returns the observations. */
export async function runFault<World extends FaultyWorld>(
  fault: Fault<World>,
  startWorld: StartWorld<World>,
  settings: RunSettings,
): Promise<Sighting[]> {
  const world = await startWorld(fault, settings.contenders);
  try {
    const { sides } = world;
    for (const { crowd } of sides) {
      await crowd.join();
      crowd.begin();
    }
    await delay(settings.calm * 1000);
    for (const side of sides) shouldBeCalm(side);
    const before = (await figuresOf(sides)) as Figures[];
    world.takeCommands?.();

    const began = performance.now();
    await fault.begin(world);
    if (!fault.isMomentary) await delay(settings.seconds * 1000);
    const during = fault.isDown ? undefined : await figuresOf(sides);
    const commands = world.takeCommands?.();
    await fault.end(world);
    const ended = performance.now();

    const recoveries = await Promise.all(
      sides.map(({ crowd }) => recoveryOf(crowd, fault, ended, settings)),
    );
    const after = await figuresOf(sides);
    return await Promise.all(
      sides.map(async ({ contender, app, crowd }, index) => {
        await crowd.end();
        const hasDied = after[index] === undefined;
        const logged = after[index]?.logged ?? [];
        const recovery = recoveries[index]!;
        if (!recovery.hasRecovered) {
          await app.stop();
          await app.start();
        }
        return {
          contender,
          ...recovery,
          seen: crowd.seen.filter(({ began: at, took }) => at + took >= began),
          ...{ ended, commands },
          final: await crowd.look(),
          before: before[index]!,
          after: during?.[index],
          hasDied,
          logged: fault.isDown ? logged : logged.slice(before[index]!.logged.length),
        };
      }),
    );
  } finally {
    await stopSides(world.sides);
    await world.stopStore();
  }
}

function figuresOf(sides: readonly Side[]): Promise<(Figures | undefined)[]> {
  return Promise.all(
    sides.map(async ({ app }) => (app.hasEnded ? undefined : app.figures({ collects: true }))),
  );
}

function shouldBeCalm({ contender, crowd }: Side): void {
  const strange = crowd.seen.find(({ outcome }) => outcome !== 'served');
  if (strange) throw new Error(`${contender}, before the fault: ${JSON.stringify(strange)}`);
}

/** Waits until all have been served for a while. */
async function recoveryOf<World extends FaultyWorld>(
  crowd: Crowd,
  fault: Fault<World>,
  ended: number,
  { calm, patience }: RunSettings,
): Promise<{ recovery: number; hasRecovered: boolean }> {
  for (;;) {
    await delay(50);
    const now = performance.now();
    // By when a request began: one that began before it was over may wait for its time-out.
    const lastBad = crowd.seen.reduce(
      (last, seen) => (isGood(fault, seen) ? last : Math.max(last, seen.began)),
      ended,
    );
    const served = crowd.seen.filter(
      (seen) => seen.route !== 'untouched' && isGood(fault, seen) && seen.began > lastBad,
    );
    const hasRecovered =
      now - lastBad > 2 * calm * 1000 &&
      crowd.oldestWaiting() > lastBad &&
      served.length > crowd.size / 4;
    if (hasRecovered || now - ended > patience * 1000)
      return { recovery: lastBad - ended, hasRecovered };
  }
}
