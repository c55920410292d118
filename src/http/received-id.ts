import type { SessionTicket } from '../session/storage/keys.js';

/** What a request brought in place of a session id. */
export interface ReceivedId {
  readonly wasSent: boolean;
  /** Two different ones came: whose they are cannot be told. */
  readonly isAmbiguous: boolean;
  /** The id, if it can be one, and is signed if it has to be. */
  readonly ticket: SessionTicket | undefined;
  /** Where it was. Left out: in the cookie. */
  readonly by?: 'header' | 'both';
}

export const NOT_SENT: ReceivedId = { wasSent: false, isAmbiguous: false, ticket: undefined };
