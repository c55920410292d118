import type { Client } from './client.js';
import type { Life, Tag } from './life.js';
import type { Thread } from './scheduler.js';

/** What the model knows of a request. */
export interface RequestView {
  readonly name: string;
  readonly thread: Thread;
  readonly client: Client;
  readonly startedAt: number;
  readonly startedTime: number;
  readonly id: string | undefined;
  readonly operations: readonly unknown[];
  /** Whether it renews its session as it reads it. */
  readonly touch: boolean;
  /** Whether it only reads its session, without renewing it. */
  readonly isUnseen: boolean;
  /** Since when it sees what others have stored: since it began, or reloaded. */
  seenSince: number;
  /** The session that it works with; absent: one that is not stored yet. */
  life: Life | undefined;
  /** The id that it has of it. */
  ownId: string | undefined;
  /** The id that its session had as it was loaded. */
  loadedId: string | undefined;
  /** Whether it may be given an id: it began a session, or asked for a new id. */
  mayTell: boolean;
  readonly tags: Tag[];
  /** What its session held when it loaded it, as far as that was kept. */
  read: Tag[];
  savesFrom: number;
  /** What it does now. */
  doing: string | undefined;
  /** When it began that, by the clock. */
  doingSince: number;
  signsIn: string | undefined;
  /** When it began to end its session. */
  endsFrom: number;
  /** When it began to ask for a new id. */
  movesFrom: number;
  /** Whether the server lost what it had meanwhile. */
  isShaken: boolean;
  /** Whether it could not end its session: then no client gets the session that was to end. */
  hasFailedToEnd: boolean;
  /** Whether it took so long that another request took it for one that had failed half way. */
  isUndone: boolean;
  /** Whether it came with the id before that of its session. */
  isLetOver: boolean;
  /** Whether it was to be ended, because no client could receive it. */
  isWithdrawn: boolean;
  isClosed: boolean;
  /** What it failed with. */
  error: unknown;
  /** What its answer sent, once that has reached its client. */
  answer: { readonly told: string | undefined } | undefined;
}

/** An id that a client received, or may receive. */
export interface Known {
  readonly life: Life;
  /** The request that gave the session this id, as far as that is known. */
  readonly by: string | undefined;
  /** Since when it is no session's any more. */
  invalidSince: number;
  /** Whether it may be none: another one took its place, with a grace. */
  isPassing: boolean;
  isDelivered: boolean;
}

/** What it changed and does not know to be stored. */
export function pending({ tags }: RequestView): Tag[] {
  return tags.filter(({ state }) => state === 'pending');
}
