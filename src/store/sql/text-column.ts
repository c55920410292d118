/** Escapes NUL characters, which a text column of Postgres cannot contain. */
const ESCAPE = '\x7f';
const ESCAPES = /\x7f([01])/g;

/** Returns the stored form of a text: unchanged, unless it contains NUL. JSON never does. */
export function toColumn(text: string): string {
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, `${ESCAPE}1`).replaceAll('\0', `${ESCAPE}0`);
}

export function fromColumn(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replace(ESCAPES, (_match, digit) => (digit === '0' ? '\0' : ESCAPE));
}
