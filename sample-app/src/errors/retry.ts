import type { Request } from 'express';

/** What a form has sent, to be sent once more. */
export interface Retry {
  readonly action: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Of a click that was not stored, so that its page can offer to try again; other requests: a reload does. */
export function retryOf(request: Request): Retry | undefined {
  if (request.method !== 'POST') return undefined;
  const fields = Object.entries(Object(request.body) as object).filter(
    (field): field is [string, string] => typeof field[1] === 'string',
  );
  return { action: request.originalUrl, fields };
}
