import type { INestApplicationContext } from '@nestjs/common';

import type { SessionEdge } from '../http/request-session.js';
import { checkUserId } from '../session/session-user.js';
import { SESSION_EDGE } from '../session.providers.js';

/**
 * Puts a session with these entries into an application's store, and answers the `Cookie` header of its
 * visitor: `SID=…`, signed where the application has secrets. With a `userId` it is signed in.
 *
 * ```ts
 * const cookie = await sessionCookie(app, { cart: ['apple'] });
 * await request(app.getHttpServer()).get('/cart').set('Cookie', cookie);
 * ```
 */
export async function sessionCookie(
  app: INestApplicationContext,
  { userId, ...entries }: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { repository, cookie } = edgeOf(app);
  const session = repository.begin();
  for (const [key, value] of Object.entries(entries)) session.entries.set(key, value);
  if (userId === undefined) await repository.commit(session);
  else {
    checkUserId(userId);
    await repository.signIn(session, { userId, client: {} });
  }
  const [pair] = cookie.give(session.ticket, true).split(';', 1);
  return pair!;
}

/** The entries of the session that a `Cookie` header belongs to; `undefined`: it is nobody's. */
export async function readSession(
  app: INestApplicationContext,
  header: string,
): Promise<Record<string, unknown> | undefined> {
  const { repository, cookie } = edgeOf(app);
  const { ticket } = cookie.read(header);
  const session = ticket && (await repository.find(ticket));
  if (!session) return undefined;
  const { entries } = session;
  return Object.fromEntries([...entries.keys()].map((key) => [key, entries.get(key)]));
}

function edgeOf(app: INestApplicationContext): SessionEdge {
  return app.get<SessionEdge>(SESSION_EDGE, { strict: false });
}
