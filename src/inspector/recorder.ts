import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

import { finalize, isObservable, Observable, Subject } from 'rxjs';

import type { StoreOperation } from '../store/store-tracing.js';
import { SessionError } from '../session/errors.js';
import { printable } from '../session/printable.js';
import type { MessageObserver, SessionTelemetry } from '../session/telemetry.js';
import { headersToShow, type InspectedRequest } from './headers.js';
import { Recording, type Outcome } from './recording.js';
import type { RequestTimeline } from './timeline.js';

/** The message that `node:diagnostics_channel` publishes. */
type StoreMessage = StoreOperation & { readonly error?: unknown };

/** The channel for completed operations of the `TracingChannel` of store operations. */
const STORE = 'tracing:nestjs-session-manager:store:asyncEnd';

const MAX_PATH = 200;

/** Records the last requests and messages of one application. */
export class TimelineRecorder {
  private readonly current = new AsyncLocalStorage<Recording>();
  private readonly finished = new Subject<RequestTimeline>();
  private readonly last: RequestTimeline[] = [];
  private count = 0;
  private telemetry: SessionTelemetry | undefined;

  constructor(private readonly keep: number) {}

  start(telemetry: SessionTelemetry): void {
    this.telemetry = telemetry;
    telemetry.observer = (event, payload, session) =>
      this.current.getStore()?.event(event, payload, session);
    telemetry.messageObserver = this.onMessage;
    channel(STORE).subscribe(this.onStoreEnd);
  }

  stop(): void {
    if (this.telemetry) {
      this.telemetry.observer = undefined;
      this.telemetry.messageObserver = undefined;
    }
    channel(STORE).unsubscribe(this.onStoreEnd);
    // An open page holds a connection, and Nest waits until all connections are closed.
    this.finished.complete();
  }

  /** The last requests, the newest first. */
  get timelines(): readonly RequestTimeline[] {
    return this.last;
  }

  /** Emits each request after its response was sent. Completes when the application closes. */
  get live(): Observable<RequestTimeline> {
    return this.finished;
  }

  /** Called by the inspector's own routes, which are not to be shown. */
  ignoreCurrent(): void {
    const recording = this.current.getStore();
    if (recording) recording.isIgnored = true;
  }

  record(request: InspectedRequest, response: ServerResponse, next: () => void): void {
    const { originalUrl = request.url ?? '/' } = request;
    // On Fastify, the handshake of a WebSocket: it lasts as long as the socket, whose operations are recorded.
    if (request.headers.upgrade !== undefined) return next();
    const { method = '' } = request;
    const [path = '/'] = originalUrl.split('?', 1);
    const recording = this.begin('request', method, path);
    response.once('close', () => {
      const isSent = response.headersSent;
      const bytes = response.getHeader('content-length');
      this.end(recording, {
        ...{ what: isSent ? 'sent' : 'hung up', status: isSent ? response.statusCode : 0 },
        ...headersToShow(request, response, recording.usesSession),
        ...(bytes !== undefined && { bytes: Number(bytes) }),
      });
    });
    this.current.run(recording, next);
  }

  /**
   * Records an operation of GraphQL, as a step of its HTTP request. Over a WebSocket it has none, and is recorded by
   * itself.
   */
  operation<T>(kind: string, field: string, run: () => Observable<T>): Observable<T> {
    const request = this.current.getStore();
    if (request) {
      request.operation(`${kind} ${printable(field)}`);
      return run();
    }
    const recording = this.begin('operation', kind.toUpperCase(), field);
    return this.within(recording, this.current.run(recording, run)).pipe(
      finalize(() => this.end(recording, { what: 'done' })),
    );
  }

  private readonly onMessage: MessageObserver = async (event, run) => {
    const recording = this.begin('message', 'MESSAGE', event);
    const answers = await this.current.run(recording, run, (failure) => {
      const reason = failure instanceof SessionError ? failure.code : failure?.name;
      this.end(recording, failure ? { what: 'not stored', note: reason } : { what: 'done' });
    });
    return isObservable(answers) ? this.within(recording, answers) : answers;
  };

  /** Answers are subscribed to later, and only then are changes stored. */
  private within<T>(recording: Recording, answers: Observable<T>): Observable<T> {
    return new Observable((subscriber) =>
      this.current.run(recording, () => answers.subscribe(subscriber)),
    );
  }

  private begin(kind: RequestTimeline['kind'], method: string, name: string): Recording {
    const path = printable(name).slice(0, MAX_PATH);
    return new Recording({ kind, method, path });
  }

  private end(recording: Recording, outcome: Outcome): void {
    if (recording.isIgnored) return;
    this.add(recording.end(++this.count, outcome));
  }

  private add(timeline: RequestTimeline): void {
    this.last.unshift(timeline);
    this.last.length = Math.min(this.last.length, this.keep);
    this.finished.next(timeline);
  }

  private readonly onStoreEnd = (message: unknown): void => {
    const { operation, duration = 0, error } = message as StoreMessage;
    this.current.getStore()?.roundTrip(operation, duration, error);
  };
}
