import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

import { commitBeforeAnswer } from './message.interceptor.js';

/** The metadata key of `@WebSocketGateway()` of `@nestjs/websockets`. */
const IS_GATEWAY = 'websockets:is_gateway';
/** The metadata key of `@UseInterceptors()`. */
const INTERCEPTORS = '__interceptors__';

/** Finds the gateways of an application, like Nest does. */
export function gatewaysOf(modules: ModulesContainer): Type[] {
  const providers = [...modules.values()].flatMap((module) => [...module.providers.values()]);
  return providers
    .filter(({ isNotMetatype, metatype }) => !isNotMetatype && typeof metatype === 'function')
    .map(({ metatype }) => metatype as Type)
    .filter((metatype) => Reflect.hasMetadata(IS_GATEWAY, metatype));
}

/**
 * Adds an interceptor to a gateway, outside all others of its class, that commits a message's session before
 * the message is answered. Called before Nest binds the gateway's handlers. HTTP routes have no such one.
 */
export function interceptMessages(gateway: Type): void {
  const others = (Reflect.getMetadata(INTERCEPTORS, gateway) ?? []) as unknown[];
  if (others.includes(commitBeforeAnswer)) return;
  Reflect.defineMetadata(INTERCEPTORS, [commitBeforeAnswer, ...others], gateway);
}
