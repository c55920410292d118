import { CONTENDERS, type Contender, type ContenderName } from '../contenders.js';
import { ROUTES, type RouteName, type VisitorKind } from '../routes.js';
import { wheel } from '../visitors/load.js';
import { Visitor, type Answer, type Ask } from '../visitors/visitor.js';
import { ContenderServer, type ServerSettings } from './contender-server.js';

/** Each request uses one of this number of sessions. */
const SESSIONS: Record<VisitorKind, number> = { small: 512, large: 256, hot: 1, stranger: 0 };

const SEEDS = { small: '/seed/small', large: '/seed/large', hot: '/seed/small' };

/** A contender whose server runs, with the visitors who have their sessions there. */
export class Entrant {
  readonly contender: Contender;
  private readonly cookies = new Map<VisitorKind, readonly string[]>();
  private readonly asksOf = new Map<RouteName, () => Ask>();

  private constructor(
    readonly name: ContenderName,
    readonly server: ContenderServer,
  ) {
    this.contender = CONTENDERS[name];
  }

  /** Starts the server, gives the visitors their sessions, and checks that these are kept. */
  static async start(
    name: ContenderName,
    routes: readonly RouteName[],
    settings: ServerSettings,
  ): Promise<Entrant> {
    const entrant = new Entrant(name, await ContenderServer.start(name, settings));
    try {
      for (const route of routes) await entrant.prepare(route);
      if (entrant.contender.keepsSessions) await entrant.checkSessions();
      return entrant;
    } catch (error) {
      await entrant.server.stop();
      throw error;
    }
  }

  /** What is asked of a route, with each session in turn. */
  asks(route: RouteName): () => Ask {
    return this.asksOf.get(route)!;
  }

  check(route: RouteName, { status, body }: Answer): void {
    if (status === 200 && body === ROUTES[route].answer) return;
    throw new Error(`'${this.name}' failed at '${route}': ${status} ${body}`);
  }

  /** What all visitors of a kind have counted in their sessions. */
  visitsOf(kind: VisitorKind): Promise<number> {
    return this.with(async (visitor) => {
      let visits = 0;
      for (const cookie of this.cookies.get(kind)!) visits += await readVisits(visitor, cookie);
      return visits;
    });
  }

  private async prepare(route: RouteName): Promise<void> {
    const { path, visitors } = ROUTES[route];
    if (visitors === 'stranger') {
      this.asksOf.set(route, () => ({ path }));
      return;
    }
    const cookies = this.cookies.get(visitors) ?? (await this.seed(visitors));
    this.cookies.set(visitors, cookies);
    this.asksOf.set(route, wheel(cookies.map((cookie) => ({ path, cookie }))));
  }

  private seed(kind: Exclude<VisitorKind, 'stranger'>): Promise<string[]> {
    return this.with(async (visitor) => {
      const cookies: string[] = [];
      while (cookies.length < SESSIONS[kind]) cookies.push(await this.begin(visitor, SEEDS[kind]));
      return cookies;
    });
  }

  /** A write is read again in the same session, and in no other. */
  private checkSessions(): Promise<void> {
    return this.with(async (visitor) => {
      const writer = await this.begin(visitor, SEEDS.small);
      const other = await this.begin(visitor, SEEDS.small);
      await visitor.ask({ path: '/write', cookie: writer });
      await visitor.ask({ path: '/write', cookie: writer });
      const visits = [await readVisits(visitor, writer), await readVisits(visitor, other)];
      if (visits[0] !== 2 || visits[1] !== 0) {
        throw new Error(`'${this.name}' does not keep its sessions: ${visits.join(', ')}`);
      }
    });
  }

  private async begin(visitor: Visitor, path: string): Promise<string> {
    const { status, body, cookie } = await visitor.ask({ path });
    if (!cookie) throw new Error(`'${this.name}' begins no session: ${status} ${body}`);
    return cookie;
  }

  private async with<T>(work: (visitor: Visitor) => Promise<T>): Promise<T> {
    const visitor = new Visitor(this.server.port);
    try {
      return await work(visitor);
    } finally {
      await visitor.leave();
    }
  }
}

async function readVisits(visitor: Visitor, cookie: string): Promise<number> {
  const { body } = await visitor.ask({ path: '/visits', cookie });
  const { visits } = JSON.parse(body) as { visits?: number };
  if (visits === undefined) throw new Error(`A session is lost: ${body}`);
  return visits;
}
