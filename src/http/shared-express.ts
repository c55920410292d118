import type { IncomingMessage, ServerResponse } from 'node:http';

import type { SessionEdge } from './request-session.js';
import { routeRequest } from './session-of.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * One Nest application's view of an Express application that several share: requests that reach a handler
 * registered here belong to this Nest application, until the handler passes them on.
 */
export function shared<App extends object>(app: App, edge: SessionEdge): App {
  const registering = new Map<AnyFunction, AnyFunction>();
  return new Proxy(app, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (!isFunction(value) || !REGISTERING.has(name)) return value;
      let own = registering.get(value);
      if (!own) {
        // The same function each time: Nest compares them.
        own = (...args) => {
          const result: unknown = value.apply(
            target,
            args.map((arg) => within(arg, edge)),
          );
          return name === 'route' ? shared(result as object, edge) : result;
        };
        registering.set(value, own);
      }
      return own;
    },
  });
}

/**
 * Wraps the callback at the end of a handler's arguments: it first returns the request to its
 * application.
 */
export function comingBack(args: readonly unknown[], goBack: () => void): unknown[] {
  const next = args.at(-1);
  if (!isFunction(next)) return [...args];
  return [
    ...args.slice(0, -1),
    (...results: unknown[]) => {
      goBack();
      return next(...results);
    },
  ];
}

/** The methods of an application, a router and a route that register handlers. */
const REGISTERING = new Set<string | symbol>([
  ...['use', 'all', 'route', 'param', 'get', 'post', 'put', 'delete', 'patch', 'head', 'options'],
  ...['propfind', 'proppatch', 'mkcol', 'copy', 'move', 'lock', 'unlock', 'search', 'query'],
]);

/** Wraps a handler, or lists of them, so that its requests belong to this application. Other values stay. */
function within(given: unknown, edge: SessionEdge): unknown {
  if (Array.isArray(given)) return given.map((one) => within(one, edge));
  if (!isFunction(given)) return given;
  const call = (handler: AnyFunction, self: unknown, args: unknown[]): unknown => {
    const at = args.findIndex((arg) => typeof arg === 'object' && arg && 'httpVersion' in arg);
    if (at === -1) return handler.apply(self, args);
    const [request, response] = args.slice(at) as [IncomingMessage, ServerResponse];
    const goBack = routeRequest(request, edge, response);
    return handler.apply(self, goBack ? comingBack(args, goBack) : args);
  };
  // A proxy, as Express reads a handler's number of arguments, and treats applications differently.
  return new Proxy(given, {
    apply: call,
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      return name === 'handle' && isFunction(value) ? new Proxy(value, { apply: call }) : value;
    },
  });
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === 'function';
}
