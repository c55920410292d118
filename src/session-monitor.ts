import type { SessionCounters, SessionTelemetry } from './session/telemetry.js';
import type { ServerHealth, ServerReport } from './store/server-health.js';

/**
 * What operators see of sessions: counters, and the state of the store's servers. A singleton; inject it
 * where you export metrics or answer health checks.
 *
 * ```ts
 * constructor(private readonly sessions: SessionMonitor) {}
 * ```
 */
export class SessionMonitor {
  readonly #telemetry: SessionTelemetry;
  readonly #store: { readonly servers: readonly ServerHealth[] };

  constructor(telemetry: SessionTelemetry, store: { readonly servers: readonly ServerHealth[] }) {
    this.#telemetry = telemetry;
    this.#store = store;
  }

  /** How often each event has happened since the application started. Never reset. */
  get counters(): Readonly<SessionCounters> {
    return this.#telemetry.counters;
  }

  /** The state of each server of the store, judged by its last operations. Empty for sessions in memory. */
  get servers(): ServerReport[] {
    return this.#store.servers.map(({ report }) => report);
  }

  /** Probes each server, then gives its state: `down` if it did not answer. Never rejects. */
  check(): Promise<ServerReport[]> {
    return Promise.all(this.#store.servers.map((server) => server.check()));
  }
}
