import { describe, expect, it } from '@jest/globals';

import { checkTransport, type SessionTransportOption } from '../../src/http/transport-options.js';
import { SessionOptionsError } from '../../src/session/errors.js';

const check = (option: unknown) => checkTransport(option as SessionTransportOption);

describe('the transport of the session id', () => {
  it.each([
    [undefined, { cookie: true, header: undefined }],
    ['cookie', { cookie: true, header: undefined }],
    [{ header: 'X-Session-Id' }, { cookie: false, header: 'x-session-id' }],
    [{ header: 'authorization' }, { cookie: false, header: 'authorization' }],
    [['cookie'], { cookie: true, header: undefined }],
    [['cookie', { header: 'x-session-id' }], { cookie: true, header: 'x-session-id' }],
    [[{ header: 'x_session.id' }, 'cookie'], { cookie: true, header: 'x_session.id' }],
  ])('accepts %j', (option, checked) => {
    expect(check(option)).toEqual(checked);
  });

  it.each([
    ['header', 'transport'],
    [null, 'transport'],
    [true, 'transport'],
    [[], 'transport'],
    [{}, 'transport.header'],
    [{ header: '' }, 'transport.header'],
    [{ header: 1 }, 'transport.header'],
    [{ header: 'x session' }, 'transport.header'],
    [{ header: 'x-session-id:' }, 'transport.header'],
    [{ header: 'x\r\ny' }, 'transport.header'],
    [{ header: 'x-sessiön' }, 'transport.header'],
    [{ header: ':path' }, 'transport.header'],
    [{ header: 'x'.repeat(101) }, 'transport.header'],
    [{ headers: 'x-session-id' }, 'transport.headers'],
    [{ header: 'x-session-id', name: 'SID' }, 'transport.name'],
    [['cookie', 'cookie'], 'transport[1]'],
    [[{ header: 'x-a' }, { header: 'X-A' }], 'transport[1]'],
    [[{ header: 'x-a' }, { header: 'x-b' }], 'transport[1]'],
    [['cookie', 'query'], 'transport[1]'],
    [['cookie', { header: 'Cookie' }], 'transport[1].header'],
  ])('refuses %j and names %s', (option, name) => {
    const refused = catchError(() => check(option));
    expect(refused).toBeInstanceOf(SessionOptionsError);
    expect(refused).toMatchObject({ code: 'SESSION_OPTIONS', option: name });
  });

  it.each([
    ...['Cookie', 'Set-Cookie', 'Host', 'Connection', 'Content-Length', 'Transfer-Encoding'],
    ...['Vary', 'Cache-Control', 'Location', 'Origin', 'Referer', 'User-Agent', 'Upgrade', 'TE'],
    ...['Proxy-Authorization', 'X-Forwarded-For', 'Access-Control-Allow-Origin', 'Sec-Fetch-Site'],
    ...['If-None-Match', 'Accept-Language', 'Content-Type'],
    ...['traceparent', 'tracestate', 'baggage', 'b3', 'X-B3-TraceId', 'X-Amzn-Trace-Id'],
    ...['X-CSRF-Token', 'X-XSRF-Token', 'CSRF-Token', 'X-Requested-With', 'X-Request-Id'],
    ...['X-Correlation-Id', 'Idempotency-Key', 'X-HTTP-Method-Override', 'X-API-Key'],
    ...['Strict-Transport-Security', 'X-Frame-Options', 'Clear-Site-Data', 'Referrer-Policy'],
    ...['CF-Connecting-IP', 'True-Client-IP', 'X-Amz-Security-Token', 'Last-Event-ID', 'DPoP'],
  ])('refuses a header with another meaning: %s', (header) => {
    expect(() => check({ header })).toThrow(SessionOptionsError);
  });
});

function catchError(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
