import { channel } from 'node:diagnostics_channel';

/**
 * Which session an event is about. It gives no access: fit for a log.
 */
export interface SessionIdentity {
  /**
   * Identifies the session, through every new id. A sign-in gives the session another one, that of `SessionInfo`; its event
   * `signed-in` has both.
   */
  readonly handle: string;
  /** Absent: nobody is signed in. */
  readonly userId?: string;
}

/**
 * The events published on the channels `nestjs-session-manager:<name>` of `node:diagnostics_channel`.
 * No payload contains an id, a store key or an entry.
 */
export interface SessionEventPayloads {
  /** A client sent an id. `found`: it belongs to a session; otherwise the handle is that of its anonymous one. */
  loaded: { readonly found: boolean } & SessionIdentity;
  /** A request's changes were stored. `created`: its session is new. */
  committed: { readonly created: boolean } & SessionIdentity;
  /** Another process stored the session first; it is read, merged and stored again. */
  conflict: SessionIdentity;
  /** A session got a new id: because it was asked for, or by schedule (`rotateEvery`). */
  regenerated: { readonly reason: 'requested' | 'scheduled' } & SessionIdentity;
  /** A user signed in. `previousHandle`: of the session before it, unless it is new or was the user's own. */
  'signed-in': { readonly previousHandle?: string | undefined } & SessionIdentity;
  /**
   * A session was ended: `requested` by a request of its own, such as a sign-out, or `revoked`, such as by
   * `UserSessions` or because there were too many. Sessions that run out are not counted.
   */
  destroyed: { readonly reason: 'requested' | 'revoked' } & SessionIdentity;
  /** A session was found past its absolute timeout. */
  expired: SessionIdentity;
  /** A request had a session that no longer exists: ended, evicted, or missing in its user's list. */
  gone: SessionIdentity;
  /** All sessions were ended by `UserSessions.revokeEverybody()` of this process. */
  'everybody-revoked': Nothing;
  /** The memory for sessions was full, so one was dropped early. In-process memory only. */
  evicted: Nothing;
  /** A session that the first store had lost was restored from the durable one. */
  restored: Nothing;
  /** A copy could not be written to the durable store. */
  'copy-failed': Nothing;
  /** A session could not be stored, and an error replaced its response. */
  refused: { readonly status: number } & Partial<SessionIdentity>;
  /** A server of the store failed. `reason` is the error's message. */
  'outage-began': { readonly server: string; readonly reason: string };
  /** The server answers again. `seconds`: how long the outage lasted; `failures`: operations that failed. */
  'outage-ended': { readonly server: string; readonly seconds: number; readonly failures: number };
}

type Nothing = Readonly<Record<string, never>>;

/** The name of an event, such as `'committed'`. */
export type SessionEvent = keyof SessionEventPayloads;

/** How often each event has happened since the application started; never reset, like Prometheus counters. */
export type SessionCounters = Record<SessionEvent, number>;

/** Each event of `SessionEventPayloads`: one that is missing here does not compile. */
const NONE_YET: SessionCounters = {
  loaded: 0,
  committed: 0,
  conflict: 0,
  regenerated: 0,
  'signed-in': 0,
  destroyed: 0,
  expired: 0,
  gone: 0,
  'everybody-revoked': 0,
  evicted: 0,
  restored: 0,
  'copy-failed': 0,
  refused: 0,
  'outage-began': 0,
  'outage-ended': 0,
};

const channels = Object.fromEntries(
  Object.keys(NONE_YET).map((event) => [event, channel(`nestjs-session-manager:${event}`)]),
) as Record<SessionEvent, ReturnType<typeof channel>>;

/** `session`: the one that the event is about; looking at it changes nothing. */
export type SessionObserver = (event: SessionEvent, payload: object, session?: object) => void;

/**
 * Runs a gateway's message of this event. `run` is to be told what to call when the message is over: with the error,
 * if its session could not be stored.
 */
export type MessageObserver = (
  event: string,
  run: (onOver: (failure?: Error) => void) => Promise<unknown>,
) => Promise<unknown>;

/** Counts what happens to an application's sessions, and reports it to subscribers. */
export class SessionTelemetry {
  readonly counters: SessionCounters = { ...NONE_YET };
  /** Told of each event of this application, and of which session; the inspector's, if there is one. */
  observer: SessionObserver | undefined;
  /** Runs each message of this application's gateways; the inspector's, too. */
  messageObserver: MessageObserver | undefined;

  emit<E extends SessionEvent>(event: E, payload: SessionEventPayloads[E]): void {
    this.counters[event]++;
    this.observer?.(event, payload);
    const listeners = channels[event];
    if (listeners.hasSubscribers) listeners.publish(payload);
  }

  /** Of a session, whose identity is read only if there is a subscriber. */
  emitOf<E extends SessionEvent>(
    event: E,
    session: { readonly identity: Partial<SessionIdentity> } | undefined,
    more: Omit<SessionEventPayloads[E], keyof SessionIdentity>,
  ): void {
    this.counters[event]++;
    this.observer?.(event, more, session);
    const listeners = channels[event];
    if (listeners.hasSubscribers) listeners.publish({ ...more, ...session?.identity });
  }
}
