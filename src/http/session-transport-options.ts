import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/session.errors.js';

/** A header that carries the session id, in requests and in responses. */
export interface SessionHeaderOptions {
  /** The header's name, such as `'x-session-id'`; with `'authorization'` it carries `Bearer <id>`. */
  header: string;
}

/** What carries the session id between client and server: the cookie, a header, or either. */
export type SessionTransportOption =
  'cookie' | SessionHeaderOptions | readonly ('cookie' | SessionHeaderOptions)[];

export interface CheckedTransport {
  readonly cookie: boolean;
  /** In lower case. */
  readonly header: string | undefined;
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Names that already mean something, in a request or in a response, and would be harmed or harm. */
const TAKEN = new Set(
  (
    'accept age allow cache-control connection cookie cookie2 date etag expect expires forwarded from ' +
    'host http2-settings keep-alive last-modified link location max-forwards origin pragma priority ' +
    'range referer refresh retry-after server set-cookie set-cookie2 te trailer transfer-encoding ' +
    'upgrade user-agent vary via warning www-authenticate x-powered-by x-real-ip'
  ).split(' '),
);
const TAKEN_FAMILIES = /^(accept|access-control|content|if|proxy|sec|x-forwarded)-/;

/** @throws SessionOptionsError that names what is wrong */
export function checkTransport(option: SessionTransportOption = 'cookie'): CheckedTransport {
  const isList = Array.isArray(option);
  const all: unknown[] = isList ? option : [option];
  if (all.length === 0) throw new SessionOptionsError('transport', 'give at least one');
  let cookie = false;
  let header: string | undefined;
  for (const [index, one] of all.entries()) {
    const name = isList ? `transport[${index}]` : 'transport';
    if (one === 'cookie') {
      if (cookie) throw new SessionOptionsError(name, "give 'cookie' only once");
      cookie = true;
    } else {
      if (header) throw new SessionOptionsError(name, 'give only one header');
      header = checkHeader(one, name);
    }
  }
  return { cookie, header };
}

function checkHeader(option: unknown, parent: string): string {
  if (typeof option !== 'object' || option === null) {
    throw new SessionOptionsError(parent, "give 'cookie', { header: 'x-session-id' } or both");
  }
  refuseUnknownOptions(option, ['header'], parent);
  const { header } = option as { header?: unknown };
  const name = typeof header === 'string' ? header.toLowerCase() : '';
  if (!TOKEN.test(name)) {
    throw new SessionOptionsError(
      `${parent}.header`,
      'give the name of a header, such as x-session-id: letters, digits and - _ . only',
    );
  }
  if (TAKEN.has(name) || TAKEN_FAMILIES.test(name)) {
    throw new SessionOptionsError(
      `${parent}.header`,
      `${name} has another meaning in HTTP; use a name of your own, such as x-session-id`,
    );
  }
  return name;
}
