import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { RequestSession } from '../../src/http/request-session.js';
import { checkCookieOptions } from '../../src/http/cookie-options.js';
import { SessionCookie } from '../../src/http/cookie.js';
import { SessionIdTransport } from '../../src/http/id-transport.js';
import { SessionLog } from '../../src/http/log.js';
import type { SessionWorld } from './session-world.js';

type Handler = (session: RequestSession, response: ServerResponse) => unknown;

export interface SessionServer {
  readonly url: string;
  /** A line for each time something was logged. */
  readonly log: string[];
  /** Resolves when the connection of the response to come is done with. */
  responseClosed(): Promise<void>;
  close(): Promise<void>;
}

/** A plain HTTP server with sessions, without any framework. */
export async function sessionServer(world: SessionWorld, handler: Handler): Promise<SessionServer> {
  const log: string[] = [];
  const edge = {
    repository: world.repository,
    transport: new SessionIdTransport(
      new SessionCookie(checkCookieOptions({ secure: false }), world.policy.timeout),
    ),
    cacheControl: 'no-store',
    telemetry: world.telemetry,
    log: new SessionLog({
      error: (message: unknown) => void log.push(`error: ${String(message)}`),
      warn: (message: unknown) => void log.push(`warn: ${String(message)}`),
      log: (message: unknown) => void log.push(`log: ${String(message)}`),
    }),
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    // After the session's own listener.
    response.once('close', () => setImmediate(() => server.emit('response closed')));
    const session = new RequestSession(edge, { raw: request }, request, response);
    void (async () => handler(session, response))().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    async responseClosed() {
      await once(server, 'response closed');
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
