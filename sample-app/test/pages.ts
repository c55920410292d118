import type { Visitor } from '../../test/support/http-client.js';

/** What a page says, without its tags. */
export async function textOf(visitor: Visitor, path: string): Promise<string> {
  const { body } = await visitor.get(path);
  return body
    .slice(body.indexOf('<body>'))
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

export async function visitsOf(visitor: Visitor): Promise<number> {
  return numberIn(await textOf(visitor, '/'), /(\d+) visits? to this page/);
}

/** How many things are in the basket. */
export async function basketOf(visitor: Visitor): Promise<number> {
  return numberIn(await textOf(visitor, '/basket'), /Total (\d+)/);
}

export async function signIn(visitor: Visitor, name: string) {
  return visitor.post('/sign-in', new URLSearchParams({ name }));
}

function numberIn(text: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(text) ?? [];
  if (digits === undefined) throw new Error(`${String(pattern)} is not on the page: ${text}`);
  return Number(digits);
}
