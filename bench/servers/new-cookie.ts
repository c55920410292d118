import { randomBytes } from 'node:crypto';

/** What Express's responses and Fastify's replies have in common. */
export interface HeaderSetter {
  header(name: string, value: string): unknown;
}

/** Sets a cookie of the same length as ours, and answers its value. */
export function setNewCookie(response: HeaderSetter): string {
  const value = randomBytes(32).toString('base64url');
  response.header('Set-Cookie', `SID=${value}; Path=/; HttpOnly; SameSite=Lax`);
  return value;
}
