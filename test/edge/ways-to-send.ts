import type { Platform } from '../support/session-app.js';
import { HEADS } from './ways-controller.js';

/**
 * - `callbacks` of `write` and `end`; `trailers`; `informational` responses before the response;
 * - `http1`: what HTTP/2 does not have, such as `Connection`;
 * - `connection`: one that can break.
 */
export type Need = 'callbacks' | 'trailers' | 'informational' | 'http1' | 'connection';

/** What a surrounding adds to the application: other things that answer. */
export type Addition = 'views' | 'static' | 'proxied';

export interface Way {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Where it can be; without it on both. */
  readonly platform?: Platform;
  readonly body?: string;
  /** What it needs of everything around it. */
  readonly needs?: Need;
  /** The only surrounding where it can be: what that adds. */
  readonly only?: Addition;
  /** Whether its response is never whole, as its source fails. */
  readonly breaks?: boolean;
}

/** How a response is sent: what to ask for. */
export const WAYS_TO_SEND: readonly Way[] = [
  { path: '/returned' },
  { path: '/returned', method: 'HEAD' },
  { path: '/returned', headers: { 'if-none-match': '*' }, platform: 'express' },
  { path: '/returned-long' },
  { path: '/returned-long', method: 'HEAD' },
  { path: '/nothing' },
  { path: '/no-content' },
  { path: '/cacheable' },
  { path: '/passthrough' },
  { path: '/send' },
  { path: '/send-file', platform: 'express' },
  { path: '/send-file', headers: { range: 'bytes=0-99' }, platform: 'express' },
  { path: '/end' },
  { path: '/end-long' },
  { path: '/end-empty' },
  ...Object.keys(HEADS).map((form): Way => {
    const path = `/write-head/${form}`;
    return form === 'old-name' ? { path, needs: 'http1' } : { path };
  }),
  { path: '/not-modified' },
  {
    path: '/continued',
    method: 'POST',
    headers: { expect: '100-continue', 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'x'.repeat(50_000) }),
    needs: 'informational',
  },
  { path: '/early-hints', needs: 'informational' },
  { path: '/closing', needs: 'http1' },
  { path: '/hijacked', platform: 'fastify' },
  { path: '/rendered', only: 'views' },
  { path: '/static/page.txt', only: 'static' },
  { path: '/static/page.txt', headers: { range: 'bytes=0-9' }, only: 'static' },
  { path: '/proxied/page', only: 'proxied' },
  { path: '/redirect' },
  { path: '/redirected' },
  { path: '/exception' },
  { path: '/crash' },
  { path: '/file' },
  { path: '/file-of-a-generator' },
  { path: '/pipe' },
  { path: '/pipeline' },
  { path: '/web-stream' },
  { path: '/web-writable', needs: 'connection' },
  { path: '/web-response', platform: 'fastify' },
  { path: '/breaks-off', breaks: true, needs: 'connection' },
  { path: '/back-pressure' },
  { path: '/callbacks', needs: 'callbacks' },
  { path: '/corked' },
  { path: '/flushed' },
  { path: '/events', needs: 'http1' },
  { path: '/head', method: 'HEAD' },
  { path: '/trailers', needs: 'trailers' },
  { path: '/twice' },
  { path: '/twice-raw' },
];

/** Those that can be somewhere. */
export function waysIn(place: {
  readonly platform: Platform;
  readonly lacks?: readonly Need[];
  readonly adds?: Addition;
}): Way[] {
  return WAYS_TO_SEND.filter(
    ({ platform = place.platform, needs, only = place.adds }) =>
      platform === place.platform &&
      only === place.adds &&
      !(needs && place.lacks?.includes(needs)),
  );
}
