/**
 * Whether this is an error reply of the server with this code. Before version 7, the message of an error in
 * a script has the code in the middle.
 */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && new RegExp(`(^|-)${code}\\b`).test(error.message);
}
