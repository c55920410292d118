import type { SessionCounters, SessionTelemetry } from './session/session-telemetry.js';
import type { ServerHealth, ServerReport } from './store/server-health.js';

/**
 * What operators see of sessions: counters and the state of the servers of the store. A singleton; inject
 * it where you export metrics or answer health checks.
 *
 * ```ts
 * constructor(private readonly sessions: SessionMonitor) {}
 * ```
 */
export class SessionMonitor {
  readonly #telemetry: SessionTelemetry;
  readonly #servers: readonly ServerHealth[];

  constructor(telemetry: SessionTelemetry, servers: readonly ServerHealth[]) {
    this.#telemetry = telemetry;
    this.#servers = servers;
  }

  /** How often what happened since the application began. They only grow. */
  get counters(): Readonly<SessionCounters> {
    return this.#telemetry.counters;
  }

  /** How each server of the store does, as its last operations tell; none for sessions in memory. */
  get servers(): ServerReport[] {
    return this.#servers.map(({ report }) => report);
  }

  /** The same, after each was asked for a sign of life; `down`: it gave none. Never rejects. */
  check(): Promise<ServerReport[]> {
    return Promise.all(this.#servers.map((server) => server.check()));
  }
}
