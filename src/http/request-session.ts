import type { IncomingMessage, ServerResponse } from 'node:http';

import { CurrentSession } from '../session/current-session.js';
import type { IncomingSession, SessionTransport } from '../session/transport.js';
import type { OutagePolicy, SessionAccess } from '../session/access.js';
import { SessionManager } from '../session/session-manager.js';
import type { ForeignSession, SessionMigration } from '../session/foreign-session.js';
import type { SessionRepository } from '../session/repository.js';
import type { SessionTelemetry } from '../session/telemetry.js';
import type { SessionTicket } from '../session/storage/keys.js';
import type { SessionClient } from '../session/session-user.js';
import type { SessionError } from '../session/errors.js';
import type { Session } from '../session/session.js';
import { HeldResponse, type ResponseGate } from './held-response.js';
import { addCookie } from './response-head.js';
import { NOT_SENT, type ReceivedId } from './received-id.js';
import type { SessionCookieAttributes } from './cookie.js';
import type { SessionIdTransport } from './id-transport.js';
import type { SessionLog } from './log.js';
import type { SessionRoute } from './route.js';

/** The parts that all requests of an application share. */
export interface SessionEdge {
  readonly repository: SessionRepository;
  readonly transport: SessionIdTransport;
  /** `Cache-Control` of responses that used the session and do not set it. */
  readonly cacheControl: string | false;
  /** Where the application kept its sessions before. */
  readonly migration?: SessionMigration | undefined;
  /** The default for routes without the option. */
  readonly onOutage?: OutagePolicy;
  readonly log: SessionLog;
  readonly telemetry: SessionTelemetry;
}

/** The framework's request: Express's is the raw one, Fastify's has it as `raw`. */
export interface FrameworkRequest {
  readonly raw?: IncomingMessage;
  /** `http` or `https`, as seen through the proxies that the framework trusts. */
  readonly protocol?: string;
  /** The client's address, as seen through them. */
  readonly ip?: string;
  /** The requested host, as seen through them. */
  readonly hostname?: string;
  /** The URL as the client sent it. The framework may have removed a prefix from `url`. */
  readonly originalUrl?: string;
  /** The opened WebSocket, if the request is a handshake. */
  readonly webSocket?: object | undefined;
}

/** One request's session between its id and its response. */
export class RequestSession
  implements SessionTransport, IncomingSession, SessionRoute, ResponseGate
{
  readonly current: CurrentSession;
  readonly manager: SessionManager;
  private held: HeldResponse | undefined;
  private received: ReceivedId = NOT_SENT;
  private isRefused = false;
  /** Whether browsers do not send the cookie to this path. */
  isOutside = false;
  /** Whether the client came with the cookie of another library. */
  private hasForeignCookie = false;
  /** `false`: all uses so far were read-only. */
  private mayChange = false;
  private isUsed = false;
  /**
   * Whether a cookie with `secure: true` is not sent over plain http, as in express-session. By default it is
   * sent, as browsers accept it from localhost.
   */
  isStrictAboutHttps = false;
  /** Called before the changes are stored, which wait for its promise. */
  beforeCommit: (() => Promise<void> | undefined) | undefined;

  constructor(
    private readonly edge: SessionEdge,
    private request: FrameworkRequest,
    private readonly raw: IncomingMessage,
    private readonly response: ServerResponse,
    private reply?: { getHeaders(): object },
  ) {
    this.current = new CurrentSession(edge.repository, this, edge.onOutage);
    this.manager = new SessionManager(this);
  }

  load(access?: SessionAccess): Promise<Session> {
    if (!access?.readOnly) return this.use().load(access);
    // The response need not wait for a commit, but its cache headers are set last.
    this.isUsed = true;
    this.watch();
    return this.current.load(access);
  }

  use(): CurrentSession {
    if (this.mayChange) return this.current;
    this.isUsed = this.mayChange = true;
    this.held ??= this.hold();
    if (this.held.isDeliverable) this.held.watchClose(this);
    else setImmediate(() => this.onCloseWhenLoaded());
    return this.current;
  }

  /** Replaces the raw request, which middleware used, by the framework's, which has more properties. */
  reached(request: FrameworkRequest, reply: { getHeaders(): object }): void {
    if (this.request !== this.raw) return;
    this.request = request;
    this.reply = reply;
  }

  /** The application's clock. */
  get now(): () => number {
    return this.edge.repository.now;
  }

  /** The attributes of the cookie that this request would get. */
  get cookieAttributes(): SessionCookieAttributes {
    return this.edge.transport.cookieAttributes(this.isHttps());
  }

  receive(): IncomingSession {
    const { transport, log } = this.edge;
    const received = transport.read(this.raw);
    this.received = received;
    if (received.isAmbiguous) log.severalIds(received.by);
    // Otherwise each such request would store an orphaned session, whose cookie replaces the right one.
    this.isOutside = !received.wasSent && transport.isOutside(this.target);
    return this;
  }

  get ticket(): SessionTicket | undefined {
    return this.received.ticket;
  }

  onNotAdopted(error: SessionError): void {
    this.edge.log.notAdopted(error);
  }

  foreign(): ForeignSession | undefined {
    const header = this.raw.headers.cookie;
    if (header === undefined) return undefined;
    const session = this.edge.migration?.sessionOf(header);
    this.hasForeignCookie = session !== undefined;
    return session;
  }

  /** Makes sure that `beforeCommit` is called, even if nothing uses the session. */
  watch(): void {
    this.held ??= this.hold();
  }

  private onCloseWhenLoaded(): void {
    // In an outage it has no session, whatever `onOutage` its route has.
    this.current.load({ onOutage: 'refuse', touch: false }).then(() => this.onClose(), ignore);
  }

  private hold(): HeldResponse {
    const { reply } = this;
    return HeldResponse.of(this.response, this, reply && Object.keys(reply.getHeaders()));
  }

  get isOpen(): boolean {
    return !this.held || (this.held.isUntouched && this.held.isDeliverable);
  }

  client(): SessionClient {
    const userAgent = this.raw.headers['user-agent'];
    return { userAgent, ip: this.request.ip ?? this.raw.socket.remoteAddress };
  }

  /** The request's target, as the client sent it. */
  private get target(): string {
    return this.request.originalUrl ?? this.raw.url ?? '/';
  }

  commit(): Promise<void> | undefined {
    const before = this.beforeCommit?.();
    return before ? before.then(() => this.store()) : this.store();
  }

  private store(): Promise<void> | undefined {
    if (!this.mayChange || (!this.current.isStored && !this.mayBegin())) return undefined;
    return this.current.commit(!this.isWithheld);
  }

  /** Whether the client gets no id, so that an id that it has must stay valid. */
  private get isWithheld(): boolean {
    if (!this.isStrictAboutHttps || this.isHttps()) return false;
    return this.edge.transport.isSecureGiven(this.received);
  }

  beforeRelease(response: ServerResponse): void {
    if (!this.isUsed) return;
    this.limitCaching(response);
    // Also with an error: an id that was stored before the failure is the valid one.
    this.sendCookie(response);
  }

  refusal(error: unknown): { status: number; body: object } {
    this.edge.log.notStored(error);
    return this.refusedWith(statusOf(error));
  }

  unsendable(error: unknown): { status: number; body: object } {
    this.edge.log.notSent(error);
    return this.refusedWith(500);
  }

  private refusedWith(status: number): { status: number; body: object } {
    this.isRefused = true;
    this.edge.telemetry.emitOf('refused', this.current, { status });
    const message = status === 503 ? 'Service Unavailable' : 'Internal server error';
    return { status, body: { statusCode: status, message } };
  }

  /** Stores changes that no response has waited for. */
  onClose(): void {
    // The client may hang up while the session is read; later changes would not be stored otherwise.
    if (!this.current.isLoaded) return this.onCloseWhenLoaded();
    if (!this.current.isStored) {
      if (!this.held!.isUntouched && !this.isOutside && this.current.hasChanges()) {
        this.edge.log.changedTooLate();
      }
      return;
    }
    const notStored = (error: unknown) => this.edge.log.notStored(error);
    this.beforeCommit?.()?.catch(notStored);
    this.current.commit()?.catch(notStored);
    this.current.commitLateChanges(notStored);
  }

  private limitCaching(response: ServerResponse): void {
    const { cacheControl } = this.edge;
    if (cacheControl !== false && !response.hasHeader('cache-control')) {
      response.setHeader('Cache-Control', cacheControl);
    }
    this.edge.transport.vary(response);
  }

  private sendCookie(response: ServerResponse): void {
    const { idUpdate } = this.current;
    if (!idUpdate) return;
    const isWithheld = this.isWithheld;
    if (isWithheld) this.edge.log.withheldOverHttp();
    if (isWithheld || !this.held!.isDeliverable) {
      this.current.withdraw().catch((error: unknown) => this.edge.log.notStored(error));
      return;
    }
    const { transport, log } = this.edge;
    const isHttps = this.isHttps();
    if (this.hasForeignCookie && !this.isRefused)
      addCookie(response, this.edge.migration!.clearing);
    if (idUpdate === 'over' && this.isRefused) return;
    if (this.received.isAmbiguous) {
      const host = this.request.hostname ?? this.raw.headers.host;
      transport.clearOthers(response, this.received, isHttps, host, this.target);
    }
    if (idUpdate === 'over') return transport.clear(response, this.received, isHttps);
    if (!isHttps && transport.needsHttps(this.received)) log.secureOverHttp(this.raw.headers);
    const { cookieLife } = this.current;
    transport.give(response, idUpdate, this.received, isHttps, cookieLife);
    this.current.idSent();
  }

  /** Whether a new session can be stored. */
  private mayBegin(): boolean {
    if (!this.isOutside) return this.held!.isDeliverable;
    if (this.current.hasChanges()) this.edge.log.outsidePath();
    return false;
  }

  private isHttps(): boolean {
    const { protocol } = this.request;
    const { encrypted } = this.raw.socket as { readonly encrypted?: boolean };
    return protocol === 'https' || encrypted === true;
  }
}

function ignore(): void {
  // The code that used the session gets the error.
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 503 ? 503 : 500;
}
