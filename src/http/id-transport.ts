import type { IncomingMessage, ServerResponse } from 'node:http';

import type { SessionTicket } from '../session/storage/keys.js';
import type { ReceivedId } from './received-id.js';
import { addCookie, addVary, forbidStoring } from './response-head.js';
import type { SessionCookie, SessionCookieAttributes } from './cookie.js';
import { ASKED_FOR, type SessionHeader } from './header.js';

/**
 * Reads the session id from requests and sends it to clients: by cookie, by header, or by either.
 *
 * A client that sent a cookie never gets its id by the header, which scripts can read. A client that sent the
 * header gets it by the header. A client that sent neither gets a cookie, if cookies are enabled.
 */
export class SessionIdTransport {
  /** The request headers that have the id, as in `Vary`. */
  private readonly varying: string;

  /** At least one is required. */
  constructor(
    private readonly cookie: SessionCookie | undefined,
    private readonly header?: SessionHeader,
  ) {
    this.varying = [...(cookie ? ['Cookie'] : []), ...(header ? [header.name] : [])].join(', ');
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

  /** Whether a client without an id would get a cookie that it does not send to this path. */
  isOutside(path: string): boolean {
    return this.cookie !== undefined && !this.cookie.isSentTo(path);
  }

  /** Of the cookie, whether or not this client is answered by one. */
  cookieAttributes(isHttps: boolean): SessionCookieAttributes {
    return this.cookie?.attributesOver(isHttps) ?? { httpOnly: true, path: '/' };
  }

  /** Whether browsers would drop the id that this client gets, unless it arrives over https. */
  needsHttps(received: ReceivedId): boolean {
    return !this.answersByHeader(received) && this.cookie!.needsHttps;
  }

  /** The same, if the option `secure: true` says so, and not only the default. */
  isSecureGiven(received: ReceivedId): boolean {
    return this.needsHttps(received) && this.cookie!.isSecureGiven;
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

  /** Removes the client's id: by an expired cookie, by a header without a value. */
  clear(response: ServerResponse, { wasSent, by }: ReceivedId, isHttps: boolean): void {
    if (!wasSent) return;
    if (by !== 'header') addCookie(response, this.cookie!.clear(isHttps));
    if (by) response.setHeader(this.header!.name, '');
  }

  /**
   * Called when an id is given or cleared in a request that has two: as long as the browser sends both, no id
   * is valid.
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

  /** The `Cookie` header of a client that got this id, if cookies are enabled. */
  requestCookie(ticket: SessionTicket): string | undefined {
    return this.cookie?.give(ticket, true, false).split(';', 1)[0];
  }

  /** The header, by its name, of a client that got this id, if a header is configured. */
  requestHeader(ticket: SessionTicket): Record<string, string> | undefined {
    return this.header && { [this.header.name]: this.header.give(ticket) };
  }

  /** Tells caches that the response depends on the id (RFC 9110, 12.5.5). */
  vary(response: ServerResponse): void {
    addVary(response, this.varying);
  }

  private answersByHeader(received: ReceivedId): boolean {
    return !this.cookie || received.by === 'header';
  }
}

/** The id of a request with cookie and header. Two different ids are ambiguous, like two cookies. */
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
