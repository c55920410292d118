import { checksumSeal } from '../../src/session/storage/seal.js';
import { encodeForwarder } from '../../src/session/storage/record-format.js';
import { Client } from './client.js';
import { judge } from './judgement.js';
import { Log } from './log.js';
import { Model } from './model.js';
import {
  ALL,
  CLIENTS,
  PROCESSES,
  TIMEOUT,
  type Act,
  type Operation,
  type Schedule,
} from './schedule.js';
import { kill, Thread } from './scheduler.js';
import { SimulatedRequest } from './simulated-request.js';
import { Process, World } from './world.js';

/** Plays one schedule, and returns what was wrong and what happened. */
export class Simulation {
  readonly world: World;
  readonly model: Model;
  readonly clients: Client[] = [];
  readonly requests: SimulatedRequest[] = [];
  readonly log: Log;
  private processes: Process[] = [];

  constructor(
    private readonly schedule: Schedule,
    isTold = false,
  ) {
    this.log = new Log(isTold);
    const world = (this.world = new World(schedule.options));
    this.model = new Model(schedule.options, world.scheduler, world.names, () => world.time);
    for (let n = 0; n < CLIENTS; n++) this.clients.push(new Client('ABC'[n]!));
    for (let n = 0; n < PROCESSES; n++) this.processes.push(new Process(world));
    world.scheduler.onEndless = ({ name }) => this.model.wrong(`${name} never ends`);
  }

  /** Seconds without a request at the end. */
  get rest(): number {
    return this.schedule.options.rest ?? 0;
  }

  async play(): Promise<readonly string[]> {
    for (const act of this.schedule.acts) await this.take(act);
    if (this.model.problems.length === 0) await this.end();
    if (this.model.problems.length === 0) await judge(this);
    return this.model.problems;
  }

  /** A request, to its end. */
  async ask(
    client: Client,
    process: Process,
    id: string | undefined,
    operations: Operation[],
    touch = true,
  ) {
    const request = this.request(client, process, id, operations, touch);
    await request.start();
    while (request.thread.events.length > 0) await this.let(request.thread, ALL);
    return request;
  }

  async listOf(user: string, process: Process): Promise<readonly unknown[]> {
    const thread = new Thread(`list ${user}`);
    let list: readonly unknown[] | undefined;
    await this.world.scheduler.run(thread, () => {
      process.users.list(user).then(
        (found) => (list = found),
        (error) => this.model.wrong(`list(${user}): ${String(error)}`),
      );
    });
    while (thread.events.length > 0) await this.let(thread, ALL);
    return list ?? [];
  }

  newProcess(): Process {
    return new Process(this.world);
  }

  private async take(act: Act): Promise<void> {
    const { world, model } = this;
    const { scheduler } = world;
    switch (act.act) {
      case 'request': {
        const { process, operations, steps, touch } = act;
        const client = this.clients[act.client]!;
        const from = act.id < 0 ? this.clients[(act.client + 1) % CLIENTS]! : client;
        const id = from.idBack(Math.max(0, act.id));
        const request = this.request(client, this.processes[process]!, id, operations, touch);
        await request.start();
        return this.let(request.thread, steps);
      }
      case 'go': {
        const thread = pick(this.busy, act.which)?.thread;
        if (thread) await this.let(thread, act.steps, act.pick);
        return;
      }
      case 'fail': {
        const able = this.busy.filter(({ thread }) => thread.events[0]!.fail !== undefined);
        const thread = pick(able, act.which)?.thread;
        if (!thread) return;
        scheduler.failed();
        const event = thread.events.shift()!;
        this.log.add(() => `${thread.name}: ${event.what()}: ${act.how}`);
        return scheduler.run(thread, () => event.fail!(act.how));
      }
      case 'arrive': {
        const { strays } = scheduler;
        if (strays.length > 0) await this.arrive(act.which % strays.length);
        return;
      }
      case 'hang up': {
        const open = this.requests.filter((one) => !one.isAnswered && !one.isHungUp);
        const request = pick(open, act.which);
        request?.hangUp();
        if (request) this.log.add(() => `${request.thread.name}: its client hangs up`);
        return;
      }
      case 'crash':
        return this.crash(act.process, act.how);
      case 'clock':
        model.hasClockSteps = true;
        this.processes[act.process]!.setClock(act.seconds);
        this.log.add(() => `the clock of process ${act.process} is set by ${act.seconds} s`);
        return;
      case 'pass':
        return this.pass(act.seconds);
      case 'down':
      case 'up': {
        const what = act.what === 'tier' ? world.database : world.server;
        what.isDown = act.act === 'down';
        this.log.add(() => `the ${act.what} is ${act.act}`);
        return;
      }
      case 'restart':
        world.server.forget();
        model.lost();
        this.log.add(() => 'the server restarts empty');
        return;
      case 'circle':
        return this.circle(this.clients[act.client]!);
    }
  }

  pass(seconds: number): void {
    this.model.isUsed();
    this.world.time += seconds * 1000;
    this.model.passes();
    this.model.users.passes();
    this.log.add(() => `${seconds} s pass`);
  }

  private get busy(): SimulatedRequest[] {
    return this.requests.filter(({ thread }) => thread.events.length > 0);
  }

  private request(
    client: Client,
    process: Process,
    id: string | undefined,
    operations: readonly Operation[],
    touch = true,
  ) {
    const number = this.requests.length + 1;
    const order = { number, client, process, id, operations, touch };
    const request = new SimulatedRequest(order, this.world.scheduler, this.model);
    this.requests.push(request);
    const what = () => [...(touch ? [] : ['unseen']), ...operations.map(describe)].join(', ');
    const by = () => (id === undefined ? 'no id' : this.world.names.of(id));
    const at = this.processes.indexOf(process);
    this.log.add(
      () => `#${number}: ${client.name} with ${by()} at process ${at < 0 ? 'new' : at}: ${what()}`,
    );
    return request;
  }

  private async let(thread: Thread, steps: number, pick = 0): Promise<void> {
    const { scheduler } = this.world;
    for (let done = 0; done < steps && thread.events.length > 0; done++) {
      const at = done === 0 ? pick % thread.events.length : 0;
      if (done > 0 && thread.events[0]!.isWait) return;
      const event = thread.events[at]!;
      await scheduler.step(thread, at);
      if (event.isAnswer) this.log.addAnswer(thread.name, event.what);
      else this.log.add(() => `${thread.name}: ${event.what()}`);
    }
  }

  private async arrive(at: number): Promise<void> {
    const [effect] = this.world.scheduler.strays.splice(at, 1);
    this.log.add(() => 'a late command arrives');
    await this.world.scheduler.run(new Thread('nobody'), effect!);
  }

  private crash(at: number, how: 'lost' | 'late'): void {
    const process = this.processes[at]!;
    this.world.scheduler.failed();
    this.log.add(() => `process ${at} crashes`);
    for (const request of this.requests) {
      // Also one that waits for another request of its process, without an event of its own.
      if (request.order.process !== process || request.thread.isDead) continue;
      if (!request.isAnswered) request.order.client.hasMissedAnswer = true;
      this.model.crashed(request.view);
      for (const { arriveLate } of request.thread.events) {
        if (how === 'late' && arriveLate) this.world.scheduler.strays.push(arriveLate);
      }
      kill(request.thread);
    }
    this.processes = this.processes.with(at, new Process(this.world));
  }

  /** A program that can write to the server makes a session's record lead to itself. */
  private circle(client: Client): void {
    const known = client.id === undefined ? undefined : this.model.ids.get(client.id);
    if (!known) return;
    const key = this.processes[0]!.repository.keyOf({ id: client.id!, secret: 0 });
    const text = encodeForwarder({ forwardTo: key, until: this.world.time + 300_000 });
    this.world.server.put(key, checksumSeal.close(key, text), TIMEOUT);
    // A request that its border cut off does not see that any more, and may end the session behind it.
    for (const life of this.model.lives)
      if (life.goesOnFrom(known.life)) life.doubts.set('the circle', 'circle');
    this.model.hasCircle = true;
    client.hasMissedAnswer = true;
    this.log.add(() => `the record of ${client.name} leads to itself`);
  }

  /** Everything comes to its end. */
  private async end(): Promise<void> {
    const { world } = this;
    this.log.add(() => 'all comes to its end');
    world.server.isDown = false;
    world.database.isDown = false;
    while (this.busy.length > 0 || world.scheduler.strays.length > 0) {
      for (const { thread } of this.busy) await this.let(thread, ALL);
      while (world.scheduler.strays.length > 0) await this.arrive(0);
    }
  }
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % from.length];
}

export function describe(operation: Operation): string {
  const { do: what, ...more } = operation;
  const details = Object.values(more).map((one) => JSON.stringify(one));
  return [what, ...details].join(' ');
}
