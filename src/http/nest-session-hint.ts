import type { MetadataScanner, ModulesContainer } from '@nestjs/core';

/** Where Nest keeps the parameter decorators of a route, and its own `@Session()` among them. */
const ROUTE_ARGUMENTS = '__routeArguments__';
const NEST_SESSION = '7:';

let isRequestSessionServed = false;

/** From now on `request.session` is a session, so that Nest's own `@Session()` is meant. */
export function requestSessionIsServed(): void {
  isRequestSessionServed = true;
}

/**
 * Routes that take `@Session()` of `@nestjs/common`. It reads `request.session`, so that with this
 * package it is `undefined`; editors like to import the wrong one.
 */
export function routesWithNestSession(
  modules: ModulesContainer,
  scanner: MetadataScanner,
): string[] {
  if (isRequestSessionServed) return [];
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.flatMap(({ metatype }) => {
    if (typeof metatype !== 'function') return [];
    return scanner
      .getAllMethodNames(metatype.prototype as object)
      .filter((method) => takesNestSession(metatype, method))
      .map((method) => `${metatype.name}.${method}`);
  });
}

function takesNestSession(controller: object, method: string): boolean {
  const routeArguments = (Reflect.getMetadata(ROUTE_ARGUMENTS, controller, method) ?? {}) as object;
  return Object.keys(routeArguments).some((key) => key.startsWith(NEST_SESSION));
}
