/** Escapes what a column of text cannot hold everywhere: Postgres has no NUL in a text. */
const ESCAPE = '\x7f';
const ESCAPES = /\x7f([01])/g;

/** A text as it is stored: as it is, unless it has a NUL. JSON never has one. */
export function toColumn(text: string): string {
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, `${ESCAPE}1`).replaceAll('\0', `${ESCAPE}0`);
}

export function fromColumn(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replace(ESCAPES, (_match, digit) => (digit === '0' ? '\0' : ESCAPE));
}
