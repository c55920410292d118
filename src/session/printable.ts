/** The longest text from outside in a log line or an error message, in characters. */
const MAX_SHOWN = 200;

/**
 * Controls, such as line feeds and escape sequences; format characters, such as those that turn the
 * direction of a text; line and paragraph separators; surrogates by themselves.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/**
 * Makes a text from outside safe for a log line and an error message: it cannot look like another line, move
 * a terminal's cursor, or be longer than `max` characters and a `…`.
 */
export function printable(text: unknown, max = MAX_SHOWN): string {
  const whole = textOf(text);
  // Cuts first, as escaping makes the text longer.
  const shown = cut(whole, max).replace(UNPRINTABLE, escaped);
  return whole.length > max || shown.length > max ? `${cut(shown, max)}…` : shown;
}

/** The stack of an error. Its message is in it, and what looks like another stack may be in the message. */
export function printableStack({ stack, message, name }: Error, max?: number): string | undefined {
  if (stack === undefined) return undefined;
  const at = stack.indexOf(message);
  const [, ...frames] = stack.slice(Math.max(0, at) + message.length).split('\n');
  return [`${name}: ${message}`, ...frames].map((line) => printable(line, max)).join('\n');
}

/** The text of any value, as any value can be thrown. */
function textOf(value: unknown): string {
  try {
    const text = String(value);
    return text === '[object Object]' ? 'an object' : text;
  } catch {
    return 'an object without a text';
  }
}

/** Does not cut within a surrogate pair. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return /[\ud800-\udbff]/.test(text[max - 1]!) ? text.slice(0, max - 1) : text.slice(0, max);
}

function escaped(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default:
      return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  }
}
