import type { IncomingHttpHeaders } from 'node:http';

import type { LoggerService } from '@nestjs/common';

import { SessionStoreError } from '../session/session.errors.js';

/** What is logged about requests, for operators. No line contains a session id. */
export class SessionLog {
  private hasHinted = false;

  constructor(private readonly logger: Pick<LoggerService, 'error' | 'warn'>) {}

  /**
   * A session could not be stored; its client got an error instead of the response. Not if the store
   * is at fault: that is told once, when it begins.
   */
  notStored(error: unknown): void {
    if (error instanceof SessionStoreError) return;
    const cause = error instanceof Error && error.cause;
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`A session was not stored: ${String(error)}${reason}`, stack);
  }

  /** Of a socket whose session has ended. */
  notClosed(error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`A socket was not closed as it should be: ${String(error)}`, stack);
  }

  outageBegan(server: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.logger.error(
      `The session store is failing: ${server} (${reason}). Requests that need it get a 503 until it ` +
        'is back.',
    );
  }

  outageEnded(server: string, seconds: number, failures: number): void {
    this.logger.warn(
      `The session store is back: ${server}, after ${seconds.toFixed(1)} s and ${failures} failed ` +
        (failures === 1 ? 'operation.' : 'operations.'),
    );
  }

  /** A new session was first written to when its client could not be told of it any more. */
  changedTooLate(): void {
    this.logger.warn(
      'A new session was written to after its response had begun. It was not stored, as its client ' +
        'can no longer be given its id; write to it before the first byte.',
    );
  }

  /** At start: the editor imported the wrong one, most likely. */
  takesNestSession(route: string): void {
    this.logger.warn(
      `${route} uses the @Session() of '@nestjs/common', which reads request.session, not the ` +
        "sessions of this package. Import Session from 'nestjs-session-manager'.",
    );
  }

  /** At start, in production. */
  withoutSecrets(): void {
    this.logger.warn(
      'No secrets are given: anyone who can read the store can read the sessions, and anyone who can ' +
        'write to it can forge them. Give the option secrets, such as the output of ' +
        '`openssl rand -base64 32`.',
    );
  }

  /** In the cookie one was set by somebody else: another application, or a neighbour host (cookie tossing). */
  severalIds(by: 'header' | 'both' | undefined): void {
    this.logger.warn(
      by
        ? 'A request came with two different session ids, in its cookie and its header or twice in ' +
            'its header. It is impossible to tell which one is right, so the request has no session. ' +
            'A client should send its id once, the way it received it.'
        : 'A request came with two different session cookies. It is impossible to tell which one is ' +
            'right, so the request has no session. A cookie.name that begins with __Host- keeps other ' +
            'hosts from setting one.',
    );
  }

  /** Browsers drop a `Secure` cookie that comes over http, except from localhost, without a word. */
  secureOverHttp(headers: IncomingHttpHeaders): void {
    if (this.hasHinted || isLocal(headers.host) || headers['x-forwarded-proto'] === 'https') return;
    this.hasHinted = true;
    this.logger.warn(
      'The session cookie is Secure, but a request came over plain http: its browser drops the ' +
        'cookie. Serve the application over https, have the proxy in front of it send ' +
        "X-Forwarded-Proto, or set cookie.secure to 'auto' or false.",
    );
  }
}

function isLocal(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '') ?? '';
  return name === 'localhost' || name.endsWith('.localhost') || /^(127\.|\[::1\]$)/.test(name);
}
