import { IntrinsicException } from '@nestjs/common';

import { SessionError, SessionUnavailableError } from '../session/errors.js';

/**
 * Nest logs each error of a request with its stack, unless it is an `IntrinsicException`. An outage is logged
 * once, when it begins, and not again for each request. The domain does not import Nest, so its outage errors
 * get that base class here.
 */
export function keepOutagesOutOfNestsLog(): void {
  keepOutOfNestsLog(SessionUnavailableError);
}

/** Does the same for another class, which must extend `SessionError` directly. */
export function keepOutOfNestsLog({ prototype }: { prototype: SessionError }): void {
  const members = Object.getOwnPropertyDescriptors(SessionError.prototype);
  const intrinsic = Object.create(IntrinsicException.prototype, members) as object;
  Object.setPrototypeOf(prototype, intrinsic);
}
