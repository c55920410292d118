import type { IncomingMessage, ServerResponse } from 'node:http';

import type { SessionTicket } from '../session/storage/keys.js';
import type { ReceivedId } from './received-id.js';
import { addCookie, addVary, forbidStoring } from './response-head.js';
import type { SessionCookie } from './cookie.js';
import { ASKED_FOR, type SessionHeader } from './header.js';

/**
 * Takes the session id from requests and gives it to clients: by cookie, by header, or by either.
 *
 * Who came with a cookie is never answered by the header, which scripts can read. Who came with the
 * header is answered by it. Who came with neither gets a cookie, if there are any.
 */
export class SessionIdTransport {
  private readonly varying: readonly string[];

  /** One at least. */
  constructor(
    private readonly cookie: SessionCookie | undefined,
    private readonly header?: SessionHeader,
  ) {
    this.varying = [...(cookie ? ['Cookie'] : []), ...(header ? [header.name] : [])];
  }

  read(request: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): ReceivedId {
    if (!this.header) return this.cookie!.read(request.headers.cookie);
    const inHeader = this.header.read(request);
    if (!this.cookie) return inHeader;
    const inCookie = this.cookie.read(request.headers.cookie);
    if (!inHeader.wasSent) return inCookie;
    if (!inCookie.wasSent) return inHeader;
    return inHeader === ASKED_FOR ? inCookie : ofBoth(inCookie, inHeader);
  }

  /** Whether the client would not send back here what it is given here. */
  isOutside(path: string, received: ReceivedId): boolean {
    return !received.wasSent && this.cookie !== undefined && !this.cookie.isSentTo(path);
  }

  /** Whether browsers would drop the answer to this client if it did not come over https. */
  needsHttps(received: ReceivedId): boolean {
    return !this.answersByHeader(received) && this.cookie!.needsHttps;
  }

  give(
    response: ServerResponse,
    ticket: SessionTicket,
    received: ReceivedId,
    isHttps: boolean,
    cookieLife?: number | false,
  ): void {
    if (this.answersByHeader(received)) {
      response.setHeader(this.header!.name, this.header!.give(ticket));
    } else {
      addCookie(response, this.cookie!.give(ticket, isHttps, cookieLife));
    }
    forbidStoring(response);
  }

  /** Takes away what was sent: a cookie that has passed, a header without a value. */
  clear(response: ServerResponse, { wasSent, by }: ReceivedId, isHttps: boolean): void {
    if (!wasSent) return;
    if (by !== 'header') addCookie(response, this.cookie!.clear(isHttps));
    if (by) response.setHeader(this.header!.name, '');
  }

  /**
   * To be called when an id is given, or taken away, in a request that brought two: as long as the browser
   * has both, nothing holds.
   */
  clearOthers(
    response: ServerResponse,
    { by }: ReceivedId,
    isHttps: boolean,
    host: string | undefined,
    target: string,
  ): void {
    if (by === 'header' || !this.cookie) return;
    for (const line of this.cookie.clearOthers(isHttps, host, target)) addCookie(response, line);
  }

  /** The `Cookie` header of a client to whom this id was given, if there are cookies. */
  requestCookie(ticket: SessionTicket): string | undefined {
    return this.cookie?.give(ticket, true, false).split(';', 1)[0];
  }

  /** The header with which it sends the id, if there is one, by its name. */
  requestHeader(ticket: SessionTicket): Record<string, string> | undefined {
    return this.header && { [this.header.name]: this.header.give(ticket) };
  }

  /** Caches must not give one visitor's page to another (RFC 9110, 12.5.5). */
  vary(response: ServerResponse): void {
    addVary(response, this.varying);
  }

  private answersByHeader(received: ReceivedId): boolean {
    return !this.cookie || received.by === 'header';
  }
}

/** Two different ones are nobody's, as two cookies are. */
function ofBoth(inCookie: ReceivedId, inHeader: ReceivedId): ReceivedId {
  const { ticket } = inCookie;
  const isSame = ticket !== undefined && ticket.id === inHeader.ticket?.id;
  return {
    wasSent: true,
    isAmbiguous: !isSame,
    ticket: isSame ? ticket : undefined,
    by: 'both',
  };
}
