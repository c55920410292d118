import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/**
 * Applies `writeHead(status, message?, headers?)` to a response that is not sent yet: `writeHead` would
 * replace a `Set-Cookie` that is already set, and not merge it. Returns the arguments that remain.
 */
export function applyHead(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args as [number, unknown, unknown];
  const headers = third ?? (typeof second === 'string' ? undefined : second);
  response.statusCode = status;
  if (typeof second === 'string') response.statusMessage = second;
  if (Array.isArray(headers)) setPairs(response, pairsOf(headers));
  else if (headers) setAll(response, headers as OutgoingHttpHeaders);
  return typeof second === 'string' ? [status, second] : [status];
}

type Pair = readonly [name: string, value: string | string[] | number | undefined];

/** Replaces headers that were set before. */
function setAll(response: ServerResponse, headers: OutgoingHttpHeaders): void {
  const names = Object.keys(headers);
  // Only names that differ in case can occur several times.
  if (names.some((name) => name !== name.toLowerCase())) {
    setPairs(response, Object.entries(headers));
    return;
  }
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
}

/** Besides `{ name: value }` Node.js accepts `[name, value, name, value, …]` and `[[name, value], …]`. */
function pairsOf(headers: unknown[]): Pair[] {
  const flat = (Array.isArray(headers[0]) ? headers.flat(1) : headers) as (string | string[])[];
  const pairs: Pair[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([String(flat[at]), flat[at + 1]]);
  return pairs;
}

/**
 * Replaces headers that were set before. A name that occurs several times in `pairs` keeps all its
 * values.
 */
function setPairs(response: ServerResponse, pairs: readonly Pair[]): void {
  const merged = new Map<string, Pair>();
  for (const [name, value] of pairs) {
    if (value === undefined) continue;
    const before = merged.get(name.toLowerCase())?.[1];
    const all = before === undefined ? value : [before, value].flat().map(String);
    merged.set(name.toLowerCase(), [name, all]);
  }
  for (const [name, value] of merged.values()) response.setHeader(name, value!);
}

/**
 * Adds a cookie. Does not use `appendHeader`, which would add it to the application's array; the application
 * may set that array for the next visitor, too.
 */
export function addCookie(response: ServerResponse, cookie: string): void {
  const others = response.getHeader('set-cookie') ?? [];
  response.setHeader('Set-Cookie', [...[others].flat().map(String), cookie]);
}

/** Adds missing names to `Vary`. `names`: separated by `, `. */
export function addVary(response: ServerResponse, names: string): void {
  const vary = response.getHeader('vary');
  if (vary === undefined) {
    response.setHeader('Vary', names);
    return;
  }
  const given = String(vary)
    .toLowerCase()
    .split(/\s*,\s*/);
  if (given.includes('*')) return;
  const missing = names.split(', ').filter((name) => !given.includes(name.toLowerCase()));
  if (missing.length > 0) response.setHeader('Vary', [String(vary), ...missing].join(', '));
}

/** Headers that some caches use in place of `Cache-Control` (RFC 9213; Edge Architecture Specification). */
const OTHER_CACHE_CONTROLS = ['cdn-cache-control', 'surrogate-control', 'expires'];

/** Overrides the application's cache headers: no other visitor may get this response. */
export function forbidStoring(response: ServerResponse): void {
  const given = String(response.getHeader('cache-control') ?? '');
  if (!/\bno-store\b/i.test(given)) response.setHeader('Cache-Control', 'no-store');
  for (const name of OTHER_CACHE_CONTROLS) response.removeHeader(name);
}
