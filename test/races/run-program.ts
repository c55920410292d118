import { ClientRequest } from './client-request.js';
import type { History } from './history.js';
import type { Operation } from './operation.js';
import type { Program, Step } from './program.js';
import type { RacesWorld } from './races-world.js';

/** Plays programs, each on a session of its own, and sees to it that no id is given out twice. */
export class ProgramRunner {
  private programs = 0;
  private readonly idsSeen = new Set<string>();

  constructor(private readonly world: RacesWorld) {}

  async run(program: Program): Promise<History> {
    this.world.lag(program.lags);
    const play = new Play(this.world, ++this.programs, this.idsSeen);
    try {
      await play.begin();
      for (const step of program.steps) await play.take(step);
      await play.end();
    } finally {
      play.abandon();
    }
    return play.history;
  }
}

/** One program on its way. */
class Play {
  private readonly requests: ClientRequest[] = [];
  /** Every id that a client received, the newest first. */
  private readonly ids: { value: string; from: number }[] = [];
  private readonly noted = new Set<ClientRequest>();
  private ticks = 0;

  constructor(
    private readonly world: RacesWorld,
    private readonly number: number,
    private readonly idsSeen: Set<string>,
  ) {}

  /** A session that is there before anything races. */
  async begin(): Promise<void> {
    await this.request(0, 0, [
      { do: 'set', entry: 'shared' },
      { do: 'increment', by: 1 },
    ]).untilStill();
    this.noteIds();
  }

  async take(step: Step): Promise<void> {
    switch (step.step) {
      case 'request': {
        const request = this.request(step.server, step.staleness, step.operations);
        if (!step.parallel) await request.untilStill();
        break;
      }
      case 'release': {
        const request = pick(this.waiting, step.which);
        request?.release();
        if (!step.parallel) await request?.untilStill();
        break;
      }
      case 'abort':
        pick(
          this.requests.filter(({ isOpen }) => isOpen),
          step.which,
        )?.abort();
        break;
      case 'settle':
        await this.settle();
        break;
    }
    this.noteIds();
  }

  /** Waits for all requests, and reads the final state, under every id and on each server. */
  async end(): Promise<void> {
    await this.settle();
    while (this.waiting.length > 0) {
      for (const request of this.waiting) request.release();
      await this.settle();
    }
    this.noteIds();
    for (const staleness of this.ids.keys()) {
      for (const server of [0, 1] as const) this.request(server, staleness, [{ do: 'read' }]);
    }
    await this.settle();
  }

  abandon(): void {
    for (const request of this.requests) request.abandon();
  }

  get history(): History {
    return this.requests.map(({ history }) => history);
  }

  private get waiting(): ClientRequest[] {
    return this.requests.filter(({ isWaiting }) => isWaiting);
  }

  private request(server: 0 | 1, staleness: number, operations: readonly Operation[]) {
    const id = this.ids[Math.min(staleness, this.ids.length - 1)];
    const order = { number: this.requests.length, server, operations, id };
    const request = new ClientRequest(this.world, order, this.number, () => ++this.ticks);
    this.requests.push(request);
    return request;
  }

  private async settle(): Promise<void> {
    await Promise.all(this.requests.map((request) => request.untilStill()));
  }

  private noteIds(): void {
    for (const [from, request] of this.requests.entries()) {
      const { newId } = request;
      if (newId === undefined || this.noted.has(request)) continue;
      this.noted.add(request);
      if (this.idsSeen.has(newId)) throw new Error(`request ${from} got an id that is not new`);
      this.idsSeen.add(newId);
      this.ids.unshift({ value: newId, from });
    }
  }
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % from.length];
}
