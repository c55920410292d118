import {
  createParamDecorator,
  type ExecutionContext,
  type PipeTransform,
  type Type,
} from '@nestjs/common';

import type { SessionAccess } from '../session/access.js';
import type { SessionData } from '../session/session-data.js';
import type { SessionKey, Session as SessionOf } from '../session/session.js';
import { sessionOf } from './session-of.js';

type Pipe = PipeTransform | Type<PipeTransform>;

/** The type is explicit: the inferred type with Nest 12 would name a type that Nest 11 does not have. */
type SessionDecorator = <D extends object = SessionData>(
  keyOrAccess?: SessionKey<NoInfer<D>> | SessionAccess | Pipe,
  ...pipes: Pipe[]
) => ParameterDecorator;

/**
 * Parameter decorator: injects the request's session or, with a key, one entry's value. The session is
 * loaded when the handler is called, and pipes apply to the value.
 *
 * ```ts
 * add(@Session() session: Session, @Session('cart') cart: Cart | undefined) {}
 * show(@Session({ readOnly: true, onOutage: 'anonymous' }) session: ReadonlySession) {}
 * step(@Session<{ step: number }>('step') step: number | undefined) {}
 * ```
 */
export const Session: SessionDecorator = createParamDecorator(
  (
    keyOrAccess: string | SessionAccess | undefined,
    context: ExecutionContext,
  ): Promise<unknown> => {
    if (typeof keyOrAccess !== 'string') return sessionOf(context, keyOrAccess ?? {});
    return sessionOf(context).then((session) => session.get(keyOrAccess));
  },
);

/**
 * A visitor's session, the type for `@Session() session`. `SessionData` declares its entries, and the type
 * argument further ones: `Session<{ step: number }>`. While nothing is declared, read by
 * `session.get<T>(key)` and write by `session.set(key, value)`.
 */
export type Session<D extends object = SessionData> = SessionOf<D>;
