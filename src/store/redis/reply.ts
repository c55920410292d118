/**
 * Whether this is an error reply of the server with this code. Before version 7, the message of an error in
 * a script has the code in the middle.
 */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && new RegExp(`(^|-)${code}\\b`).test(error.message);
}

/** Before the arguments that a server quotes. */
const QUOTATION = /,? with args beginning with/i;

/**
 * Converts an error to one that can be logged safely: servers quote the arguments of a command that they refuse, and
 * ioredis adds all of them, which are the key and the record.
 */
export function withoutArguments(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const at = error.message.search(QUOTATION);
  if (at < 0 && !('command' in error)) return error;
  return new Error(at < 0 ? error.message : error.message.slice(0, at));
}
