import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/**
 * Does what `writeHead(status, message?, headers?)` does to a response that is not sent yet, since
 * headers that are passed to the real one would not be merged with those of a `Set-Cookie`.
 * Returns what remains to be passed on.
 */
export function applyHead(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args as [number, unknown, unknown];
  const headers = third ?? (typeof second === 'string' ? undefined : second);
  response.statusCode = status;
  if (typeof second === 'string') response.statusMessage = second;
  if (Array.isArray(headers)) setFromList(response, headers as unknown[]);
  else if (headers) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) response.setHeader(name, value);
    }
  }
  return typeof second === 'string' ? [status, second] : [status];
}

/** Node.js takes `[name, value, name, value, …]` and `[[name, value], …]`; a name may recur. */
function setFromList(response: ServerResponse, list: unknown[]): void {
  const flat = (Array.isArray(list[0]) ? list.flat(1) : list) as (string | string[])[];
  const seen = new Set<string>();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = String(flat[i]);
    const value = flat[i + 1]!;
    if (seen.has(name.toLowerCase())) response.appendHeader(name, value);
    else response.setHeader(name, value);
    seen.add(name.toLowerCase());
  }
}
