import { channel } from 'node:diagnostics_channel';

/** Names the session that an event is about. It gives no access, so it may be logged. */
export interface SessionIdentity {
  /**
   * Identifies the session, and stays the same through every new id. A sign-in gives the session a new handle, which
   * `SessionInfo` has too; the event `signed-in` has both handles.
   */
  readonly handle: string;
  /** Absent: no user is signed in. */
  readonly userId?: string;
}

/**
 * The events published on the channels `nestjs-session-manager:<name>` of `node:diagnostics_channel`.
 * No payload contains an id, a store key or an entry.
 */
export interface SessionEventPayloads {
  /**
   * A client sent an id. `found`: whether a session has this id. If not, the handle is that of an anonymous session
   * with this id.
   */
  loaded: { readonly found: boolean } & SessionIdentity;
  /** A request's changes were stored. `created`: whether the session is new in the store. */
  committed: { readonly created: boolean } & SessionIdentity;
  /** Another process stored the session first. The session is read and merged again, then stored. */
  conflict: SessionIdentity;
  /** A session got a new id: `requested` by a call, or `scheduled` by `rotateEvery`. */
  regenerated: { readonly reason: 'requested' | 'scheduled' } & SessionIdentity;
  /**
   * A user signed in. `previousHandle`: the handle of the session before the sign-in. Absent if there was none in the
   * store, or if it already was a session of this user.
   */
  'signed-in': { readonly previousHandle?: string | undefined } & SessionIdentity;
  /**
   * A session was ended: `requested` by one of its own requests, such as a sign-out, or `revoked` by another one, such
   * as by `UserSessions` or because the user had too many sessions. Sessions that expire are not counted.
   */
  destroyed: { readonly reason: 'requested' | 'revoked' } & SessionIdentity;
  /** A client sent the id of a session that is past its absolute timeout. */
  expired: SessionIdentity;
  /** A request had a session that no longer exists: ended, evicted, or missing in its user's list. */
  gone: SessionIdentity;
  /** This process called `UserSessions.revokeEverybody()`, which ended all sessions. */
  'everybody-revoked': Nothing;
  /** The memory for sessions was full, so one session was dropped early. Only if sessions are in the memory of the process. */
  evicted: Nothing;
  /** A session that the first store had lost was restored from the durable store. */
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

/** Has each event of `SessionEventPayloads`: without one of them it does not compile. */
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

/** Called for each event. `session`: the object whose session the event is about; the observer must not change it. */
export type SessionObserver = (event: SessionEvent, payload: object, session?: object) => void;

/**
 * Called for each message of a gateway, with the name of its event. It calls `run`, which handles the message. When the
 * message is over, `run` calls `onOver`, with the error if the session could not be stored.
 */
export type MessageObserver = (
  event: string,
  run: (onOver: (failure?: Error) => void) => Promise<unknown>,
) => Promise<unknown>;

/** Counts what happens to an application's sessions, and reports it to subscribers. */
export class SessionTelemetry {
  readonly counters: SessionCounters = { ...NONE_YET };
  /** Called for each event of this application. The inspector sets it. */
  observer: SessionObserver | undefined;
  /** Called for each message of this application's gateways. The inspector sets it. */
  messageObserver: MessageObserver | undefined;

  emit<E extends SessionEvent>(event: E, payload: SessionEventPayloads[E]): void {
    this.counters[event]++;
    this.observer?.(event, payload);
    const listeners = channels[event];
    if (listeners.hasSubscribers) listeners.publish(payload);
  }

  /** Emits an event of a session. The identity is read only if the channel has a subscriber. */
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
