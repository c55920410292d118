import { SessionLimitError } from '../../src/session/errors.js';
import { Client } from './client.js';
import type { Life } from './life.js';
import { SECONDS } from './model-users.js';
import { USERS } from './schedule.js';
import type { Simulation } from './simulation.js';
import type { Process } from './world.js';

/** Checks what is left when all requests have ended and some seconds have passed. */
export async function judge(simulation: Simulation): Promise<void> {
  const { model, clients, rest } = simulation;
  simulation.pass(SECONDS / 1000 + 1);
  const process = simulation.newProcess();
  const working = new Set<string>();
  const lives = new Set<Life>();
  for (const [id, { life }] of [...model.ids]) {
    if (model.isNobodys(life)) continue;
    const { current } = await look(simulation, process, id, rest === 0);
    if (!current.isStored) continue;
    working.add(id);
    lives.add(life);
  }
  for (const client of clients) judgeClient(simulation, client, working);
  for (const user of USERS) await judgeUser(simulation, user, process, lives);
  if (rest === 0) return;
  simulation.pass(rest);
  for (const id of [...model.ids.keys()]) await look(simulation, process, id, false);
}

/** The model says what has to be there. */
function look(simulation: Simulation, process: Process, id: string, touch: boolean) {
  return simulation.ask(new Client('a looker'), process, id, [], touch);
}

/** A client that got all its answers keeps an id that works, unless a request was meant to end it. */
function judgeClient({ model }: Simulation, client: Client, working: ReadonlySet<string>): void {
  const { id, hasMissedAnswer, name } = client;
  if (id === undefined || hasMissedAnswer || working.has(id)) return;
  const { life, isPassing, invalidSince } = model.ids.get(id)!;
  const isExcused = (request: string, kind: string): boolean => {
    const view = model.views.find((one) => one.name === request);
    if (!view || view.client !== client || !['border', 'sign-in', 'move', 'fork'].includes(kind))
      return true;
    const own = model.lives.filter(({ begunBy }) => begunBy === request);
    if (own.some((one) => one.over < Infinity || one.doubts.size > 0)) return true;
    // Two failures may keep a request from learning the result of the first one.
    const isDone = life.endedBy?.request === request;
    return (
      view.hasFailedToEnd ||
      view.isUndone ||
      view.answer?.told !== undefined ||
      (!isDone && model.faultsOf(view) > 1)
    );
  };
  if (isPassing || invalidSince < Infinity) return;
  const { endedBy } = life;
  if (endedBy && isExcused(endedBy.request, endedBy.kind)) return;
  if ([...life.doubts].some(([request, kind]) => isExcused(request, kind))) return;
  if ([...life.moves].some((request) => isExcused(request, 'move'))) return;
  model.wrong(
    `${name} got all its answers, and its ${model.nameOf(id)} of ${life.name} does not work`,
  );
}

async function judgeUser(
  simulation: Simulation,
  user: string,
  process: Process,
  lives: ReadonlySet<Life>,
): Promise<void> {
  const { model } = simulation;
  const { maxSessionsPerUser, whenTooMany } = model.options;
  const theirs = [...lives].filter((life) => life.user === user);
  const found = [...new Set(theirs.map(({ signIn }) => signIn))];
  if (maxSessionsPerUser !== false && found.length > maxSessionsPerUser) {
    model.wrong(`${user} has ${found.length} sessions of ${maxSessionsPerUser}`);
  }
  for (const life of theirs) {
    const ids = [...model.ids.values()].filter((known) => known.life === life);
    const begunBy = model.views.find(({ name }) => name === life.begunBy);
    const { undeliveredSince, undeliveredBy } = life;
    if (!model.hasFaults && undeliveredBy?.answer?.told && undeliveredSince !== undefined) {
      model.wrong(`${life.name} was answered, and the list of ${user} does not know that`);
    }
    if (ids.some(({ isDelivered }) => isDelivered) || !begunBy?.answer) continue;
    if (begunBy.hasFailedToEnd || (begunBy.isWithdrawn && model.faultsOf(begunBy) > 0)) continue;
    model.wrong(
      `${life.name} is there, and no client has it: ${life.begunBy} was answered without it`,
    );
  }
  const ghosts = model.users.ghostsOf(user);
  const listed = (await simulation.listOf(user, process)).length;
  // A late command may move a session when the server has lost what it had; a circle never ends.
  // Its process could not note in the list that it was answered, and no use has repaired that.
  const hidden = theirs.filter(({ undeliveredSince }) => undeliveredSince !== undefined).length;
  const isVague = model.hasCircle || model.lives.some((life) => life.user === user && life.isLossy);
  if (!isVague && (listed < found.length - hidden || listed > found.length + ghosts)) {
    model.wrong(`${user} has ${found.length} sessions, and list() has ${listed}`);
  }
  if (maxSessionsPerUser === false || whenTooMany === 'end-oldest') return;
  const { view } = await simulation.ask(new Client('a newcomer'), process, undefined, [
    { do: 'sign in', user: USERS.indexOf(user as 'ada'), keep: true },
  ]);
  const isRefused = view.error instanceof SessionLimitError;
  if (isRefused && found.length + ghosts < maxSessionsPerUser && !isVague) {
    model.wrong(`${user} is refused with ${found.length} of ${maxSessionsPerUser} sessions`);
  }
  if (!isRefused && found.length - hidden >= maxSessionsPerUser) {
    model.wrong(`${user} signs in with ${found.length} of ${maxSessionsPerUser} sessions`);
  }
}
