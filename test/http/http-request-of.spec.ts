import { describe, expect, it } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';

import { httpRequestOf } from '../../src/http/http-request-of.js';
import { sessionOf } from '../../src/http/session-of.js';
import { SessionError } from '../../src/session/errors.js';

const request = { headers: {} };
const info = { fieldName: 'visits' };

function contextOf(type: string, ...args: unknown[]): ExecutionContextHost {
  const context = new ExecutionContextHost(args);
  context.setType(type);
  return context;
}

describe('an HTTP request is found in', () => {
  it.each<[string, unknown]>([
    ['itself', request],
    ['the context of a controller', contextOf('http', request, {}, () => undefined)],
    ['the context of a resolver', contextOf('graphql', {}, {}, { req: request }, info)],
    ['that of a field', contextOf('graphql', undefined, {}, { req: request }, info)],
    ['that of a reference', contextOf('graphql', {}, { req: request }, info)],
    ['GraphQL’s own context', { req: request }],
    ['GraphQL’s own context, by another name', { request }],
    ['Mercurius’s own context', { reply: { request } }],
  ])('%s', (_where, source) => {
    expect(httpRequestOf(source)).toBe(request);
  });

  it.each<[string, (connection: object) => unknown]>([
    ['resolver', (req) => contextOf('graphql', {}, {}, { req }, info)],
    ['context', (req) => ({ req })],
    ['own context', (connection) => connection],
  ])('the %s of a graphql-ws connection: its handshake, with the socket', (_of, source) => {
    const [raw, webSocket] = [request, {}];
    const connection = { extra: { request: raw, socket: webSocket } };
    expect(httpRequestOf(source(connection))).toEqual({ raw, webSocket });
  });
});

describe('a clear error is thrown, as there is no HTTP request, for', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'only undefined'],
    ['null', null, 'only null'],
    ['a string', 'SID', 'only a string'],
    ['a number', 7, 'only a number'],
    ['a function', () => request, 'only a function'],
    ['any object', {}, 'an object without one'],
    ['any list', [request], 'an object without one'],
    ['a microservice', contextOf('rpc', {}, {}), "a context of type 'rpc'"],
    ['a context of a kind unknown', contextOf('necord', {}), "a context of type 'necord'"],
    ['a controller’s context without one', contextOf('http'), 'only undefined'],
    ['a resolver’s context without one', contextOf('graphql', {}, {}, {}, info), 'without one'],
    ['a resolver without a context', contextOf('graphql', {}, {}, undefined, info), 'undefined'],
    ['a connection of graphql-ws without a handshake', { req: { extra: {} } }, 'without one'],
  ])('%s', async (_where, source, what) => {
    const found = sessionOf(source as object);
    await expect(found).rejects.toBeInstanceOf(SessionError);
    await expect(found).rejects.toMatchObject({
      code: 'SESSION_NO_HTTP',
      message: expect.stringMatching(new RegExp(`${what}.*Pass sessionOf\\(\\) the request`)),
    });
  });
});
