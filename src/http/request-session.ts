import type { IncomingMessage, ServerResponse } from 'node:http';

import { CurrentSession } from '../session/current-session.js';
import type { SessionTransport } from '../session/session-transport.js';
import type { OutagePolicy, SessionAccess } from '../session/session-access.js';
import type { SessionTicket } from '../session/session-keys.js';
import { SessionManager } from '../session/session-manager.js';
import type { SessionRepository } from '../session/session-repository.js';
import type { SessionTelemetry } from '../session/session-telemetry.js';
import type { SessionClient } from '../session/session-user.js';
import type { Session } from '../session/session.js';
import { HeldResponse, type ResponseGate } from './held-response.js';
import { NOT_SENT, type ReceivedId } from './received-id.js';
import type { SessionIdTransport } from './session-id-transport.js';
import type { SessionLog } from './session-log.js';
import type { SessionRoute } from './session-route.js';

/** What all requests of an application share. */
export interface SessionEdge {
  readonly repository: SessionRepository;
  readonly transport: SessionIdTransport;
  /** For responses that used the session and set none. */
  readonly cacheControl: string | false;
  /** For routes that do not say. */
  readonly onOutage?: OutagePolicy;
  readonly log: SessionLog;
  readonly telemetry: SessionTelemetry;
}

/** The framework's request: Express's is the raw one, Fastify's has it as `raw`. */
export interface FrameworkRequest {
  readonly raw?: IncomingMessage;
  /** `http` or `https`, as seen through the proxies the framework was told to trust. */
  readonly protocol?: string;
  /** The client's address, as seen through them. */
  readonly ip?: string;
  /** What it opened, if it is the handshake of one. */
  readonly webSocket?: object | undefined;
}

/** One request's session between its id and its response. */
export class RequestSession implements SessionTransport, SessionRoute, ResponseGate {
  readonly current: CurrentSession;
  readonly manager: SessionManager;
  private held: HeldResponse | undefined;
  private received: ReceivedId = NOT_SENT;
  private isRefused = false;

  constructor(
    private readonly edge: SessionEdge,
    private readonly request: FrameworkRequest,
    private readonly raw: IncomingMessage,
    private readonly response: ServerResponse,
  ) {
    this.current = new CurrentSession(edge.repository, this, edge.onOutage);
    this.manager = new SessionManager(this);
  }

  load(access?: SessionAccess): Promise<Session> {
    return this.current.load(access);
  }

  presentedTicket(): SessionTicket | undefined {
    const received = this.edge.transport.read(this.raw);
    this.received = received;
    if (received.isAmbiguous) this.edge.log.severalIds(received.by);
    return received.ticket;
  }

  /** Nothing is held back, so what has to be said of caching is said now. */
  onRead(): void {
    if (!this.held && !this.response.headersSent) this.limitCaching(this.response);
  }

  onUse(): void {
    this.held = new HeldResponse(this.response, this);
  }

  get isOpen(): boolean {
    return this.held?.isUntouched ?? true;
  }

  client(): SessionClient {
    const userAgent = this.raw.headers['user-agent'];
    return { userAgent, ip: this.request.ip ?? this.raw.socket.remoteAddress };
  }

  commit(): Promise<void> | undefined {
    return this.current.commit(true);
  }

  beforeRelease(response: ServerResponse): void {
    this.limitCaching(response);
    if (!this.isRefused) this.tellClient(response);
  }

  refusal(error: unknown): { status: number; body: object } {
    this.isRefused = true;
    this.edge.log.notStored(error);
    const status = statusOf(error);
    this.edge.telemetry.tell('refused', { status });
    const message = status === 503 ? 'Service Unavailable' : 'Internal server error';
    return { status, body: { statusCode: status, message } };
  }

  /** What was written without a response to wait for it is stored all the same. */
  onClose(): void {
    if (!this.isOpen && !this.current.isStored) {
      if (this.current.hasChanges()) this.edge.log.changedTooLate();
      return;
    }
    this.current.commit()?.catch((error: unknown) => this.edge.log.notStored(error));
  }

  private limitCaching(response: ServerResponse): void {
    const { cacheControl } = this.edge;
    if (cacheControl !== false && !response.hasHeader('cache-control')) {
      response.setHeader('Cache-Control', cacheControl);
    }
    this.edge.transport.vary(response);
  }

  private tellClient(response: ServerResponse): void {
    const { news } = this.current;
    if (!news) return;
    const { transport, log } = this.edge;
    const isHttps = this.isHttps();
    if (news === 'over') {
      transport.clear(response, this.received, isHttps);
      return;
    }
    if (!isHttps && transport.needsHttps(this.received)) log.secureOverHttp(this.raw.headers);
    transport.give(response, news, this.received, isHttps);
  }

  private isHttps(): boolean {
    return this.request.protocol === 'https' || 'encrypted' in this.raw.socket;
  }
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 503 ? 503 : 500;
}
