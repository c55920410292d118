import type { IncomingHttpHeaders } from 'node:http';

import type { LoggerService } from '@nestjs/common';

import { LineLimit } from '../session/line-limit.js';
import { printable } from '../session/printable.js';
import { ForeignStoreError } from '../session/foreign-session.js';
import { SessionError, SessionStoreError } from '../session/errors.js';
import { PrintableLogger } from './printable-logger.js';

/** A server of the store, examined at start. */
interface FoundServer {
  readonly server: string;
  readonly version?: string | undefined;
  readonly problem?: string | undefined;
}

/** Logs for operators. No line contains a session id. */
export class SessionLog {
  private hasHinted = false;

  /** Limits lines that every request of a route would repeat. */
  private readonly limited: LineLimit;

  private readonly logger: PrintableLogger;

  constructor(logger: Pick<LoggerService, 'error' | 'log' | 'warn'>) {
    this.logger = new PrintableLogger(logger);
    this.limited = new LineLimit((line) => {
      this.logger.warn(line);
    });
  }

  /**
   * A session could not be stored; its client got an error instead of the response. Errors of the store are
   * not logged here: an outage is logged once, when it begins.
   */
  notStored(error: unknown): void {
    if (error instanceof SessionStoreError) return;
    const cause = error instanceof Error && error.cause;
    const reason = cause instanceof Error ? ` (${printable(cause.message)})` : '';
    this.failed(`A session was not stored: ${printable(error)}${reason}`, error);
  }

  /** Node.js refused to send a response that was held for its session. */
  notSent(error: unknown): void {
    this.failed(`A response could not be sent as it was made: ${printable(error)}`, error);
  }

  /** A socket whose session has ended could not be closed. */
  notClosed(error: unknown): void {
    this.failed(`A socket was not closed as it should be: ${printable(error)}`, error);
  }

  /** The application ends, and handlers of messages do not. */
  messagesCutOff(count: number): void {
    this.logger.warn(
      `The application was closed while ${count} message(s) of gateways were being handled. What these ` +
        'handlers still change in their sessions is not stored.',
    );
  }

  /** Logs one line if the same error fails many requests. */
  private failed(line: string, error: unknown): void {
    const [what] = line.split(':', 1);
    this.limited.add(line, `${what}: ${kindOf(error)}`, (text) => {
      this.logger.error(text, error ?? null);
    });
  }

  /** At start: the backend, its servers and their problems, and whether there is a better store. */
  backend(place: string, servers: readonly FoundServer[], advice?: string): void {
    if (servers.length > 0) {
      const names = servers.map(({ server, version }) =>
        version ? `${server} (${version})` : server,
      );
      const [first] = servers;
      const isSaid = servers.length === 1 && first?.server === place;
      this.logger.log(
        `Sessions are kept in ${isSaid ? names[0] : `${place}: ${names.join(', ')}`}.`,
      );
    }
    if (advice) this.logger.warn(advice);
    for (const { server, problem } of servers) {
      if (problem) this.logger.error(`${server}: ${problem}`);
    }
  }

  outageBegan(server: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : error;
    this.logger.error(
      `The session store is failing: ${server} (${printable(reason)}). Requests that need it get a 503 until it ` +
        'is back.',
    );
  }

  outageEnded(server: string, seconds: number, failures: number): void {
    this.logger.warn(
      `The session store is back: ${server}, after ${seconds.toFixed(1)} s and ${failures} failed ` +
        (failures === 1 ? 'operation.' : 'operations.'),
    );
  }

  /** A new session was first written to when its cookie could not be sent any more. */
  changedTooLate(): void {
    this.limited.add(
      'A new session was written to after its response had begun. It was not stored, as its client ' +
        'can no longer be given its id; write to it before the first byte.',
    );
  }

  /** A new session was written to on a path to which its browser would not send the cookie. */
  outsidePath(): void {
    this.limited.add(
      'A new session was written to outside cookie.path. It was not stored, as the browser would not ' +
        'send its cookie there. Write to it below that path, or widen cookie.path; behind a proxy that ' +
        "takes a prefix off, keep cookie.path '/' and let the proxy set the cookie's path.",
    );
  }

  /** A session of another library stays where it is, for now if its store failed. */
  notAdopted(error: SessionError): void {
    const [consequence, reason] =
      error instanceof ForeignStoreError
        ? ['its request gets a 503', `its store failed (${printable(error.reason)})`]
        : ['its visitor has to sign in', error.message];
    const line = `A session of migrateFrom could not be carried over, so ${consequence}`;
    this.limited.add(`${line}: ${reason}`, line);
  }

  /** At start: the route uses Nest's decorator of the same name, which an editor may import. */
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

  /** An earlier release may have set one of them, another application, or a sibling host (cookie tossing). */
  severalIds(by: 'header' | 'both' | undefined): void {
    this.limited.add(
      by
        ? 'A request came with two different session ids, in its cookie and its header or twice in ' +
            'its header. It is impossible to tell which one is right, so the request has no session. ' +
            'A client should send its id once, the way it received it.'
        : 'A request came with two different session cookies. It is impossible to tell which one is ' +
            'right, so the request has no session. Give the cookie a name of its own: another ' +
            'cookie.name whenever cookie.domain or cookie.path change, as browsers keep the earlier ' +
            'cookie beside the new one, and one for each application. A name that begins with __Host- ' +
            'also keeps other hosts from setting one. A sign-in in such a request clears the other ' +
            'cookies of that name, unless they were set with a domain or a path that cannot be guessed.',
    );
  }

  /** In seconds. */
  absoluteTimeoutIsShort(absoluteTimeout: number, timeout: number): void {
    this.logger.warn(
      `absoluteTimeout (${absoluteTimeout} s) is shorter than timeout (${timeout} s), so every session ` +
        'ends after that time, however much it is used, and timeout has no effect. If that is not ' +
        'meant, set a longer absoluteTimeout, or false for none.',
    );
  }

  /** Also on localhost, where browsers would accept the cookie. */
  withheldOverHttp(): void {
    if (this.hasHinted) return;
    this.hasHinted = true;
    this.logger.warn(
      'cookie.secure is true, but a request came over plain http, so requestSession() sent no session ' +
        'cookie, as express-session. Serve the application over https, have the framework trust the ' +
        "proxy in front of it, or set cookie.secure to 'auto' or false.",
    );
  }

  /** Browsers silently drop a `Secure` cookie that arrives over http, except from localhost. */
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

/** Errors of the same kind are logged once a minute. */
function kindOf(error: unknown): string {
  if (error instanceof SessionError) return error.code;
  return error instanceof Error ? error.constructor.name : typeof error;
}

function isLocal(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '') ?? '';
  return name === 'localhost' || name.endsWith('.localhost') || /^(127\.|\[::1\]$)/.test(name);
}
