import { createRequire } from 'node:module';

import { SessionOptionsError } from '../../session/errors.js';
import { isConflict, postgresError, spoilsConnection } from './errors.js';
import type {
  CheckedPostgresOptions,
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
} from './options.js';

/** A pool that this package has made, and has to end. */
interface OwnPool extends PostgresPool {
  on(event: 'connect' | 'error', listener: (subject: never) => void): unknown;
  end(): Promise<void>;
}
type NewPool = new (options: object) => OwnPool;

/** A connection that is lent to a statement under way. */
interface Loan {
  readonly client: PostgresClient;
  readonly since: number;
}

/** Attempts of a statement that concurrent ones make fail: only where the isolation is stricter than usual. */
const MAX_ATTEMPTS = 10;

/** Time-outs after which `pg` itself gives up: long after whoever asked. So no connection is lent for ever. */
const PATIENCE = 8;

/** How long a connection of our own is kept without use. */
const IDLE_MS = 60_000;

/**
 * Lends connections to statements, and replaces those that are dead although nobody has closed them: each
 * has to have answered since the last time that the server was too late.
 */
export class PostgresConnections {
  private readonly makeOwnPool: (() => OwnPool) | undefined;
  private ownPool: OwnPool | undefined;
  private isListening = false;
  private readonly loans = new Set<Loan>();
  private readonly answeredAt = new WeakMap<PostgresClient, number>();
  private distrustedBefore = -Infinity;

  /** @throws SessionOptionsError if it needs the package `pg`, and that is not installed */
  constructor(private readonly options: CheckedPostgresOptions) {
    if (!options.pool) this.makeOwnPool = ownPoolMaker(options);
  }

  /** @throws PostgresError */
  async run(query: PostgresQuery): Promise<PostgresResult> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.runOnce(query);
      } catch (error) {
        const problem = postgresError(error);
        if (!isConflict(problem) || attempt === MAX_ATTEMPTS) throw problem;
      }
    }
  }

  /**
   * The server was too late. Connections that have not answered since count as dead: those that are lent,
   * if they do not answer soon; the others when they are to be lent.
   */
  distrust(): void {
    const { timeout } = this.options;
    const now = performance.now();
    this.distrustedBefore = now;
    const lent = [...this.loans];
    for (const loan of lent) if (now - loan.since >= timeout / 2) this.giveBack(loan, true);
    const endTheRest = () => lent.forEach((loan) => this.giveBack(loan, true));
    // Behind the poll for what has arrived.
    setTimeout(() => setImmediate(endTheRest), timeout).unref();
  }

  /** Ends connections of our own. Others are left alone. */
  async close(): Promise<void> {
    const { ownPool, options } = this;
    this.ownPool = undefined;
    this.isListening = false;
    options.pool?.removeListener('connect', this.onConnect);
    await ownPool?.end();
  }

  private async runOnce(query: PostgresQuery): Promise<PostgresResult> {
    const client = await this.borrow();
    const loan = { client, since: performance.now() };
    this.loans.add(loan);
    client.on('error', ignore); // the statement is told of it as well
    try {
      const query_timeout = this.options.timeout * PATIENCE;
      const result = await client.query({ ...query, query_timeout });
      this.answeredAt.set(client, performance.now());
      this.giveBack(loan, false);
      return result;
    } catch (error) {
      this.giveBack(loan, spoilsConnection(postgresError(error)));
      throw error;
    }
  }

  private async borrow(): Promise<PostgresClient> {
    const pool = this.pool();
    for (;;) {
      const client = await pool.connect();
      if ((this.answeredAt.get(client) ?? Infinity) >= this.distrustedBefore) return client;
      end(client);
    }
  }

  private giveBack(loan: Loan, isSpoilt: boolean): void {
    if (!this.loans.delete(loan)) return;
    if (isSpoilt) return end(loan.client);
    loan.client.release();
    loan.client.removeListener('error', ignore);
  }

  private pool(): PostgresPool {
    const pool = this.options.pool ?? (this.ownPool ??= this.makeOwnPool!());
    if (!this.isListening) pool.on('connect', this.onConnect);
    this.isListening = true;
    return pool;
  }

  private readonly onConnect = (client: PostgresClient) => {
    this.answeredAt.set(client, performance.now());
  };
}

/** At once, whether the other side answers or not: a connection that is half open would stay for minutes. */
function end(client: PostgresClient): void {
  client.release(true);
  const { connection } = client as { connection?: { stream?: { destroy?(): void } } };
  connection?.stream?.destroy?.();
}

function ignore(): void {
  // Whoever uses the connection learns of it.
}

function ownPoolMaker(options: CheckedPostgresOptions): () => OwnPool {
  const Pool = loadPool();
  const { connectionString, ssl, timeout, maxConnections } = options;
  return () => {
    const pool = new Pool({
      ...{ connectionString, max: maxConnections, idleTimeoutMillis: IDLE_MS, keepAlive: true },
      ...(ssl !== undefined && { ssl }),
      connectionTimeoutMillis: timeout * 2,
      application_name: 'nestjs-session-manager',
    });
    // Of connections that nobody uses: the pool has dropped them.
    pool.on('error', ignore);
    return pool;
  };
}

function loadPool(): NewPool {
  try {
    return (createRequire(import.meta.url)('pg') as { Pool: NewPool }).Pool;
  } catch (cause) {
    const remedy = 'postgresStore() needs the package pg: npm i pg';
    throw Object.assign(new SessionOptionsError('postgres', remedy), { cause });
  }
}
