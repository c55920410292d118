import type { IncomingMessage, ServerResponse } from 'node:http';

import { sessionOf } from '../../src/index.js';

/** Both frameworks' requests and responses, as far as they are alike. */
export interface AnyRequest {
  readonly raw?: IncomingMessage;
  readonly url?: string;
  readonly originalUrl?: string;
}

export interface AnyResponse {
  readonly raw?: ServerResponse;
  header(name: string, value: string): this;
  status(code: number): this;
  send(body: unknown): unknown;
  redirect(url: string): unknown;
  sendFile(path: string): void;
  /** Fastify's only. */
  hijack(): void;
}

export const rawOf = (response: AnyResponse) =>
  response.raw ?? (response as unknown as ServerResponse);

/** What a request asks to be written: a mark, another one, nothing, or what cannot be stored. */
export type Writing = 'mark' | 'again' | 'nothing' | 'too-large' | 'no-json';

/** What is found of it afterwards. */
export const MARKS = { mark: 'written', again: 'written again' };

function writingOf({ originalUrl, url = '' }: AnyRequest): Writing {
  const { searchParams } = new URL(originalUrl ?? url, 'http://any');
  return (searchParams.get('write') ?? 'nothing') as Writing;
}

/** Uses the session as the request asks to. */
export async function write(request: AnyRequest): Promise<void> {
  const writing = writingOf(request);
  if (writing === 'nothing') return;
  const session = await sessionOf(request);
  session.mark = writing === 'again' ? MARKS.again : MARKS.mark;
  if (writing === 'too-large') session.filling = 'x'.repeat(20_000);
  // Not seen by `set`, as it comes later; so it is found when the session is stored.
  if (writing === 'no-json') (session.filling = {} as { at?: Date }).at = new Date();
}

export const SHORT = 'the short body';
export const LONG = 'the long body, '.repeat(200);
