import { ServerResponse, type IncomingMessage } from 'node:http';

/** The prototypes of an Express application's requests and responses. */
export interface ExpressPrototypes {
  readonly request: object;
  readonly response: object;
}

/** What Express and its router add to each request, and its parsers if they are used. */
const OF_REQUEST = 'res next baseUrl originalUrl _parsedUrl params route body'.split(' ');

/**
 * Whether V8 lets objects share a hidden class if they get a property after their prototype was changed.
 * Node.js 20 and 22 (V8 11 and 12) do not, Node.js 24 (V8 13) does.
 */
const SHARES_HIDDEN_CLASSES = Number.parseInt(process.versions.v8, 10) >= 13;

/**
 * Express changes the prototype of each request and response, and adds properties afterwards. Where these
 * objects then have a hidden class each, V8 looks up every access to them anew, in Express and in Node.js,
 * too. So the properties are there before, as `undefined`, which these libraries take for absent. That
 * halves what a request costs.
 *
 * @returns a function to be called before Express has the request
 */
export function expressProperties(
  prototypes: ExpressPrototypes,
): (request: IncomingMessage, response: ServerResponse) => void {
  if (SHARES_HIDDEN_CLASSES) return () => undefined;
  let names: readonly string[] | undefined;
  return (request, response) => {
    // Another Express application, which passes the request on, has changed the prototypes already. HTTP/2
    // has responses of its own.
    if ('res' in request || !(response instanceof ServerResponse)) return;
    // Not those that the application defines on a prototype.
    names ??= OF_REQUEST.filter((name) => !(name in prototypes.request));
    const own = request as unknown as Record<string, unknown>;
    // Code that reads the body itself may check by `'body' in request` whether a parser has run.
    const mayHaveBody = !(request.method === 'GET' || request.method === 'HEAD');
    for (const name of names) {
      if (!(name in own || (mayHaveBody && name === 'body'))) own[name] = undefined;
    }
    if (!('locals' in prototypes.response || 'locals' in response)) {
      Object.assign(response, { locals: undefined });
    }
    // As own properties.
    const { statusCode, statusMessage } = response;
    response.statusCode = statusCode;
    response.statusMessage = statusMessage;
  };
}
