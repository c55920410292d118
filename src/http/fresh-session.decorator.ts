import {
  applyDecorators,
  Injectable,
  SetMetadata,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';

import { SessionOptionsError } from '../session/errors.js';
import { SESSION_CLOCK, type SessionClock } from '../session/session-clock.js';
import { refusal } from './refusal.js';
import { sessionOf } from './session-of.js';

const FRESH_SECONDS = Symbol('seconds for which a sign-in is fresh');

/** The guard that `@FreshSession()` applies. */
@Injectable()
export class FreshSessionGuard implements CanActivate {
  readonly #modules: ModuleRef;
  readonly #reflector: Reflector;

  constructor(modules: ModuleRef, reflector: Reflector) {
    this.#modules = modules;
    this.#reflector = reflector;
  }

  /**
   * Checks whether the sign-in is recent enough.
   *
   * @throws ForbiddenException with the code `SESSION_NOT_FRESH` if it is not
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const places = [context.getHandler(), context.getClass()];
    const seconds = this.#reflector.getAllAndOverride<number>(FRESH_SECONDS, places);
    const { signedInAt } = await sessionOf(context, { readOnly: true });
    const now = this.#modules.get<SessionClock>(SESSION_CLOCK, { strict: false })();
    if (signedInAt && Math.abs(now - signedInAt.getTime()) < seconds * 1000) return true;
    throw refusal('SESSION_NOT_FRESH', 'Confirm that it is you: sign in again.');
  }
}

/**
 * Protects sensitive handlers and controllers: allows only users who have authenticated within the last
 * `seconds`, by `signIn()` or `confirmSignIn()`. Other requests, also those of visitors who are not signed
 * in, get a 403 with the code `SESSION_NOT_FRESH` in its body: ask for the password, call `confirmSignIn()`,
 * and repeat the request.
 *
 * ```ts
 * @FreshSession(300)
 * @Post('email')
 * changeEmail() {}
 * ```
 *
 * @throws SessionOptionsError unless `seconds` is a whole number, 1 or more
 */
export function FreshSession(seconds: number): ClassDecorator & MethodDecorator {
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new SessionOptionsError('FreshSession', 'give a whole number of seconds, 1 or more');
  }
  return applyDecorators(SetMetadata(FRESH_SECONDS, seconds), UseGuards(FreshSessionGuard));
}
