import { channel } from 'node:diagnostics_channel';

/**
 * What is told of sessions on the channels `nestjs-session-manager:<name>` of
 * `node:diagnostics_channel`. No payload holds an id, a store key or an entry.
 */
export interface SessionEventPayloads {
  /** A client came with an id. `found`: it is that of a session. */
  loaded: { readonly found: boolean };
  /** A request's changes were stored; `created`: its session is a new one. */
  committed: { readonly created: boolean };
  /** Another process stored the session first; it is read and merged again. */
  conflict: Nothing;
  /** A session got a new id: as it was asked for, or by the time (`rotateEvery`). */
  regenerated: { readonly reason: 'asked' | 'time' };
  /** By a request, or as it was revoked; sessions that run out are not seen. */
  destroyed: Nothing;
  /** When a request stored its changes the session was not there any more: ended, or evicted. */
  gone: Nothing;
  /** A session in the memory of the process had to go before its time, as that is full. */
  evicted: Nothing;
  /** The durable store brought back a session that the first one had lost. */
  restored: Nothing;
  /** The durable store did not take a copy. */
  'copy-failed': Nothing;
  /** An error went out in place of a response whose session could not be stored. */
  refused: { readonly status: number };
  /** A server of the store failed. `reason` is the error's message. */
  'outage-began': { readonly server: string; readonly reason: string };
  /** It answers again, after so many seconds and failed operations. */
  'outage-ended': { readonly server: string; readonly seconds: number; readonly failures: number };
}

type Nothing = Readonly<Record<string, never>>;

export type SessionEvent = keyof SessionEventPayloads;

/** How often each happened since the application began; they only grow, as Prometheus' counters do. */
export type SessionCounters = Record<SessionEvent, number>;

const EVENTS = [
  ...(['loaded', 'committed', 'conflict', 'regenerated', 'destroyed', 'gone'] as const),
  ...(['evicted', 'restored', 'copy-failed', 'refused', 'outage-began', 'outage-ended'] as const),
];

const channels = Object.fromEntries(
  EVENTS.map((event) => [event, channel(`nestjs-session-manager:${event}`)]),
) as Record<SessionEvent, ReturnType<typeof channel>>;

/** Counts what happens to an application's sessions, and tells whoever listens. */
export class SessionTelemetry {
  readonly counters = Object.fromEntries(EVENTS.map((event) => [event, 0])) as SessionCounters;

  tell<E extends SessionEvent>(event: E, payload: SessionEventPayloads[E]): void {
    this.counters[event]++;
    const listeners = channels[event];
    if (listeners.hasSubscribers) listeners.publish(payload);
  }
}
