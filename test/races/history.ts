import type { Operation } from './operation.js';

/** What the clients saw of a program. Moments are numbers that grow; no two are the same. */
export type History = readonly RequestHistory[];

export interface RequestHistory {
  readonly number: number;
  readonly server: number;
  /** The request whose answer had given out the id that this one came with. */
  readonly idFrom: number | undefined;
  readonly operations: readonly Operation[];
  readonly startedAt: number;
  /** Each `wait` that it came to. */
  readonly waits: readonly Wait[];
  /** When its client hung up. What it does later is promised to no client. */
  readonly abortedAt?: number;
  readonly answer?: Answer;
}

export interface Wait {
  readonly reachedAt: number;
  readonly releasedAt?: number;
}

export interface Answer {
  readonly at: number;
  readonly status: number;
  readonly cookie: CookieNews;
  /** What each operation returned; absent if the handler failed. */
  readonly results?: readonly unknown[];
}

/** What the response says of the session cookie. */
export type CookieNews = 'nothing' | 'new id' | 'over';

/** For people: a line for each request. */
export function describeHistory(history: History): string {
  return history.map(describeRequest).join('\n');
}

function describeRequest(request: RequestHistory): string {
  const { number, server, idFrom, operations, startedAt, waits, abortedAt, answer } = request;
  const times = [
    `started ${startedAt}`,
    ...waits.map(({ reachedAt, releasedAt }) => `waited ${reachedAt}–${releasedAt ?? ''}`),
    ...(abortedAt === undefined ? [] : [`hung up ${abortedAt}`]),
    ...(answer ? [`answered ${answer.at}`] : []),
  ];
  const id = idFrom === undefined ? 'no id' : `id of ${idFrom}`;
  const told = answer
    ? ` → ${answer.status}, cookie: ${answer.cookie}, ${JSON.stringify(answer.results ?? null)}`
    : '';
  return `  request ${number} (server ${server}, ${id}; ${times.join(', ')}): ${operations
    .map(describeOperation)
    .join(', ')}${told}`;
}

function describeOperation(operation: Operation): string {
  switch (operation.do) {
    case 'set':
    case 'delete':
      return `${operation.do} ${operation.entry}`;
    case 'increment':
      return `increment by ${operation.by}`;
    case 'signIn':
      return `sign in as ${operation.user} keeping ${JSON.stringify(operation.keep)}`;
    case 'regenerate':
      return `regenerate keeping ${JSON.stringify(operation.keep)}`;
    default:
      return operation.do;
  }
}
