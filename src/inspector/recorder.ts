import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

import { Subject, type Observable } from 'rxjs';

import type { StoreOperation } from '../store/store-tracing.js';
import type { SessionTelemetry } from '../session/telemetry.js';
import type { InspectedRequest } from './headers.js';
import { Recording } from './recording.js';
import type { RequestTimeline } from './timeline.js';

/** The message that `node:diagnostics_channel` publishes. */
type StoreMessage = StoreOperation & { readonly error?: unknown };

/** The channel for completed operations of the `TracingChannel` of store operations. */
const STORE = 'tracing:nestjs-session-manager:store:asyncEnd';

/** Records the last requests of one application. */
export class TimelineRecorder {
  private readonly current = new AsyncLocalStorage<Recording>();
  private readonly finished = new Subject<RequestTimeline>();
  private readonly last: RequestTimeline[] = [];
  private count = 0;
  private telemetry: SessionTelemetry | undefined;
  /** The path of the inspector's page. Requests to it are not recorded. */
  path = '';

  constructor(private readonly keep: number) {}

  start(telemetry: SessionTelemetry, path: string): void {
    this.path = path;
    this.telemetry = telemetry;
    telemetry.observer = (event, payload, session) =>
      this.current.getStore()?.event(event, payload, session);
    channel(STORE).subscribe(this.onStoreEnd);
  }

  stop(): void {
    if (this.telemetry) this.telemetry.observer = undefined;
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

  record(request: InspectedRequest, response: ServerResponse, next: () => void): void {
    const { originalUrl = request.url ?? '/' } = request;
    if (originalUrl === this.path || originalUrl.startsWith(`${this.path}/`)) return next();
    const recording = new Recording(++this.count, request);
    response.once('close', () => this.add(recording.end(response)));
    this.current.run(recording, next);
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
