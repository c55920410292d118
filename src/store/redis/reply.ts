/**
 * Whether this is an error that the server has answered with, by its code. Before version 7, an error in a
 * script has the code in the middle.
 */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && new RegExp(`(^|-)${code}\\b`).test(error.message);
}
