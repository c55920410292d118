import { ServerResponse, type IncomingMessage } from 'node:http';

import type { ExecutionContext, Type } from '@nestjs/common';

import { clientRoutes } from '../http/socket-route.js';
import { SessionValueError } from '../session/errors.js';
import { testSession } from './test-session.js';

/** The options of `testContext()`: the content of the context besides the session. */
export interface TestContextOptions {
  /**
   * What `getRequest()` returns, such as `{ method: 'POST', params: { id: '7' } }`. Missing properties
   * `method`, `url` and `headers` are added: `GET`, `/` and no headers.
   */
  readonly request?: object | undefined;
  /** What `getResponse()` returns. Default: a `ServerResponse` of Node.js that is not connected. */
  readonly response?: object | undefined;
  /** The handler, whose metadata `Reflector` reads. Default: one without metadata. */
  readonly handler?: ((...args: never[]) => unknown) | undefined;
  /** Its class. Default: one without metadata. */
  readonly class?: Type | undefined;
}

class TestController {}

function handle(): void {
  // This handler is never called.
}

/**
 * Creates the context of a request with this session, to test a guard, an interceptor, a filter or a decorator
 * without an application. `sessionOf()` accepts the context and its request.
 *
 * ```ts
 * const context = testContext(testSession({}, { userId: '7' }), { handler: notes.remove });
 * expect(await new SignedInGuard().canActivate(context)).toBe(true);
 * ```
 *
 * @param session a session of `testSession()`. Default: a new session
 * @throws SessionValueError for a session that `testSession()` has not made
 */
export function testContext(
  session: object = testSession(),
  options: TestContextOptions = {},
): ExecutionContext {
  const route = clientRoutes.get(session);
  if (!route) throw new SessionValueError('session', 'pass one that testSession() has made');
  const request = requestWith(options.request);
  clientRoutes.set(request.raw ?? request, route);
  const { response = new ServerResponse(request as IncomingMessage) } = options;
  const { handler = handle, class: controller = TestController } = options;
  const args = [request, response, () => undefined];
  const at = (index: number) => args[index] as never;
  return {
    getClass: <T>() => controller as Type<T>,
    getHandler: () => handler,
    getArgs: <T extends unknown[]>() => args as unknown as T,
    getArgByIndex: at,
    getType: <T extends string>() => 'http' as T,
    switchToHttp: () => ({
      getRequest: () => at(0),
      getResponse: () => at(1),
      getNext: () => at(2),
    }),
    // As in Nest, the arguments are the same under other names.
    switchToRpc: () => ({ getData: () => at(0), getContext: () => at(1) }),
    switchToWs: () => ({ getClient: () => at(0), getData: () => at(1), getPattern: () => at(2) }),
  };
}

interface TestRequest {
  raw?: object;
}

function requestWith(given: object = {}): TestRequest {
  for (const [name, value] of Object.entries({ method: 'GET', url: '/', headers: {} })) {
    if (!(name in given)) Object.assign(given, { [name]: value });
  }
  return given;
}
