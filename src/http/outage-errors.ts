import { IntrinsicException } from '@nestjs/common';

import { SessionError, SessionUnavailableError } from '../session/errors.js';

/**
 * Nest logs whatever is thrown while a request is handled, with its stack, unless it is an
 * `IntrinsicException`. An outage is told once, when it begins, and not again by each request that it
 * hits. The domain knows no Nest; so here its errors of that kind are made to descend from that class.
 */
export function keepOutagesOutOfNestsLog(): void {
  keepOutOfNestsLog(SessionUnavailableError);
}

/** The same for the errors of another class; one that descends from `SessionError` directly. */
export function keepOutOfNestsLog({ prototype }: { prototype: SessionError }): void {
  const members = Object.getOwnPropertyDescriptors(SessionError.prototype);
  const intrinsic = Object.create(IntrinsicException.prototype, members) as object;
  Object.setPrototypeOf(prototype, intrinsic);
}
