import type { INestApplicationContext } from '@nestjs/common';

import type { SessionEdge } from '../http/request-session.js';
import { checkUserId } from '../session/session-user.js';
import type { SessionTicket } from '../session/storage/keys.js';
import { SESSION_EDGE } from '../session.providers.js';
import { SessionError } from '../session/errors.js';

type Entries = Readonly<Record<string, unknown>>;

/**
 * Stores a session with these entries for an application, and returns the `Cookie` header of its
 * visitor: `SID=…`, signed if the application has secrets. With a `userId`, that user is signed in.
 *
 * ```ts
 * const cookie = await sessionCookie(app, { cart: ['apple'] });
 * await request(app.getHttpServer()).get('/cart').set('Cookie', cookie);
 * ```
 *
 * @throws SessionError `SESSION_NO_COOKIE` if the application accepts ids only in a header
 */
export async function sessionCookie(
  app: INestApplicationContext,
  entries: Entries = {},
): Promise<string> {
  const cookie = edgeOf(app).transport.requestCookie(await storeSession(app, entries));
  if (cookie !== undefined) return cookie;
  throw new SessionError(
    'SESSION_NO_COOKIE',
    'This application accepts session ids only in a header: use sessionHeaders().',
  );
}

/**
 * Stores a session with these entries for an application, and returns the header of a client that sends
 * the id in a header, by its name. If the application uses no such header, the `Cookie` header.
 */
export async function sessionHeaders(
  app: INestApplicationContext,
  entries: Entries = {},
): Promise<Record<string, string>> {
  const { transport } = edgeOf(app);
  const ticket = await storeSession(app, entries);
  return transport.requestHeader(ticket) ?? { cookie: transport.requestCookie(ticket)! };
}

async function storeSession(
  app: INestApplicationContext,
  { userId, ...entries }: Entries,
): Promise<SessionTicket> {
  const { repository } = edgeOf(app);
  const session = repository.begin();
  for (const [key, value] of Object.entries(entries)) session.entries.set(key, value);
  if (userId === undefined) await repository.commit(session);
  else {
    checkUserId(userId);
    await repository.signIn(session, { userId, client: {} });
  }
  return session.ticket;
}

/**
 * Returns the entries of the session that a `Cookie` header or a request's headers identify, and the
 * `userId` if a user is signed in. `undefined`: there is no such session.
 */
export async function readSession(
  app: INestApplicationContext,
  cookieOrHeaders: string | Record<string, string>,
): Promise<Record<string, unknown> | undefined> {
  const { repository, transport } = edgeOf(app);
  const headers =
    typeof cookieOrHeaders === 'string' ? { cookie: cookieOrHeaders } : cookieOrHeaders;
  const { ticket } = transport.read({ headers, rawHeaders: Object.entries(headers).flat() });
  const session = ticket && (await repository.find(ticket));
  if (!session) return undefined;
  const { entries, user } = session;
  const found = [...entries.keys()].map((key): [string, unknown] => [key, entries.get(key)]);
  return Object.fromEntries(user ? [['userId', user.id], ...found] : found);
}

function edgeOf(app: INestApplicationContext): SessionEdge {
  return app.get<SessionEdge>(SESSION_EDGE, { strict: false });
}
