import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

import type { SessionData } from '../session/session-data.js';
import type { Session as SessionOf } from '../session/session.js';
import { sessionOf } from './session-of.js';

/**
 * Parameter decorator: the request's session, or with a key one entry's value. It is loaded when the
 * handler is called, and pipes apply to it.
 *
 * ```ts
 * add(@Session() session: Session, @Session('cart') cart: Cart | undefined) {}
 * ```
 */
export const Session = createParamDecorator(
  async (key: string | undefined, context: ExecutionContext): Promise<unknown> => {
    const session = await sessionOf(context);
    return key === undefined ? session : session.get(key);
  },
);

/** The type of `@Session() session`; with a type argument its entries are typed. */
export type Session<D extends object = SessionData> = SessionOf<D>;
