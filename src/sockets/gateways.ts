import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { commitBeforeAnswer } from './message.interceptor.js';

/** What `@WebSocketGateway()` puts on a class, of `@nestjs/websockets`. */
const IS_GATEWAY = 'websockets:is_gateway';
/** What `@UseInterceptors()` puts on a class. */
const INTERCEPTORS = '__interceptors__';

/** The gateways of an application, as Nest looks for them. */
export function gatewaysOf(modules: ModulesContainer): Type[] {
  const providers = [...modules.values()].flatMap((module) => [...module.providers.values()]);
  return providers
    .filter(({ isNotMetatype, metatype }) => !isNotMetatype && typeof metatype === 'function')
    .map(({ metatype }) => metatype as Type)
    .filter((metatype) => Reflect.hasMetadata(IS_GATEWAY, metatype));
}

/**
 * Lets messages to a gateway be committed before they are answered, by an interceptor outside of all
 * others of its class. To be called before Nest binds the gateway's handlers. HTTP routes have none.
 */
export function interceptMessages(gateway: Type): void {
  const others = (Reflect.getMetadata(INTERCEPTORS, gateway) ?? []) as unknown[];
  if (others.includes(commitBeforeAnswer)) return;
  Reflect.defineMetadata(INTERCEPTORS, [commitBeforeAnswer, ...others], gateway);
}
