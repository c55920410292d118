import type { SessionTicket } from '../session/storage/keys.js';

/** The session id in a request, as it was received. */
export interface ReceivedId {
  readonly wasSent: boolean;
  /** The request has two different ids, and it is unknown which one is right. */
  readonly isAmbiguous: boolean;
  /** The id, if it has the form of one and, with secrets, a valid signature. */
  readonly ticket: SessionTicket | undefined;
  /** Where it was. Absent: in the cookie. */
  readonly by?: 'header' | 'both';
}

export const NOT_SENT: ReceivedId = { wasSent: false, isAmbiguous: false, ticket: undefined };
