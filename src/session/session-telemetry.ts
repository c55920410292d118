import { channel } from 'node:diagnostics_channel';

/**
 * The events published on the channels `nestjs-session-manager:<name>` of `node:diagnostics_channel`.
 * No payload contains an id, a store key or an entry.
 */
export interface SessionEventPayloads {
  /** A client sent an id. `found`: it belongs to a session. */
  loaded: { readonly found: boolean };
  /** A request's changes were stored. `created`: its session is new. */
  committed: { readonly created: boolean };
  /** Another process stored the session first; it is read, merged and stored again. */
  conflict: Nothing;
  /** A session got a new id: because it was asked for, or by schedule (`rotateEvery`). */
  regenerated: { readonly reason: 'asked' | 'time' };
  /** A session was destroyed by a request, or revoked. Sessions that run out are not counted. */
  destroyed: Nothing;
  /** When a request stored its changes, the session no longer existed: ended, or evicted. */
  gone: Nothing;
  /** The memory for sessions was full, so one was dropped early. In-process memory only. */
  evicted: Nothing;
  /** A session that the first store had lost was restored from the durable one. */
  restored: Nothing;
  /** A copy could not be written to the durable store. */
  'copy-failed': Nothing;
  /** A session could not be stored, and an error replaced its response. */
  refused: { readonly status: number };
  /** A server of the store failed. `reason` is the error's message. */
  'outage-began': { readonly server: string; readonly reason: string };
  /** The server answers again. `seconds`: how long the outage lasted; `failures`: operations that failed. */
  'outage-ended': { readonly server: string; readonly seconds: number; readonly failures: number };
}

type Nothing = Readonly<Record<string, never>>;

export type SessionEvent = keyof SessionEventPayloads;

/** How often each event has happened since the application started; never reset, like Prometheus counters. */
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
