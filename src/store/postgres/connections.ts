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

/** A pool that this package has created and must end. */
interface OwnPool extends PostgresPool {
  on(event: 'connect' | 'error', listener: (subject: never) => void): unknown;
  end(): Promise<void>;
}
type NewPool = new (options: object) => OwnPool;

/** A connection in use by a statement. */
interface Loan {
  readonly client: PostgresClient;
  readonly since: number;
}

/** Attempts of a statement that fails with a serialization error: only in a stricter isolation level. */
const MAX_ATTEMPTS = 10;

/** After this many timeouts `pg` aborts a statement, so that no connection stays in use forever. */
const PATIENCE = 8;

/** How long an unused connection of an own pool stays open. */
const IDLE_MS = 60_000;

/**
 * Runs statements on pooled connections, and replaces connections that are dead although they were not
 * closed: after a timeout, only connections that have answered since then are used.
 */
export class PostgresConnections {
  private readonly makeOwnPool: (() => OwnPool) | undefined;
  private ownPool: OwnPool | undefined;
  private isListening = false;
  private readonly loans = new Set<Loan>();
  private readonly answeredAt = new WeakMap<PostgresClient, number>();
  private distrustedBefore = -Infinity;

  /** @throws SessionOptionsError if the package `pg` is needed but not installed */
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
   * Called after a timeout: connections that have not answered since then count as dead. A connection in
   * use is closed if it does not answer soon, an idle one when it is next borrowed.
   */
  distrust(): void {
    const { timeout } = this.options;
    const now = performance.now();
    this.distrustedBefore = now;
    const lent = [...this.loans];
    for (const loan of lent) if (now - loan.since >= timeout / 2) this.giveBack(loan, true);
    const endTheRest = () => lent.forEach((loan) => this.giveBack(loan, true));
    // `setImmediate`: reads answers that have already arrived first.
    setTimeout(() => setImmediate(endTheRest), timeout).unref();
  }

  /** Ends the own pool. Does not end the application's pool. */
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
    client.on('error', ignore); // the statement rejects as well
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

/** Destroys the socket, because a half-open connection would otherwise stay open for minutes. */
function end(client: PostgresClient): void {
  client.release(true);
  const { connection } = client as { connection?: { stream?: { destroy?(): void } } };
  connection?.stream?.destroy?.();
}

function ignore(): void {
  // A statement on this connection rejects.
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
    // Errors of idle connections: the pool has already removed them.
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
