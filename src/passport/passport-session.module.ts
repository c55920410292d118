import {
  Inject,
  Module,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type NestModule,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';

import { httpRequestOf } from '../http/http-request-of.js';
import type { FrameworkRequest } from '../http/request-session.js';
import { isRouted } from '../http/session-of.js';
import { SessionOptionsError } from '../session/errors.js';
import { refuseUnknownOptions } from '../session/option-checks.js';
import { PassportSessions, type Authenticator } from './passport-sessions.js';

/** The options of `PassportSessionModule.forRoot()`. `User`: the type of the strategies' users. */
export interface PassportSessionOptions<User = never> {
  /** Returns the user's id for `UserSessions`: 1 to 255 characters, such as `String(user.id)`. */
  readonly userId: (user: User) => string;
  /** An instance of passport. Default: that of the package `passport`. */
  readonly passport?: object | undefined;
}

const OPTIONS = Symbol('passport session options');

/** The part of a Fastify instance that is used. */
interface FastifyInstance {
  hasReplyDecorator(name: string): boolean;
  decorateReply(name: string, method: (this: FastifyReply, ...args: never[]) => void): unknown;
}

interface FastifyReply {
  header(name: string, value: unknown): unknown;
  send(body?: unknown): unknown;
}

/** Restores the user of an HTTP request, also for resolvers of GraphQL, which share one request. */
class RestoringGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = requestOf(context);
    if (!request) return true;
    const restore = this.authenticator.authenticate('session');
    return new Promise((resolve, reject) => {
      // The strategy `session` does not use the response.
      restore(request, {}, (error) => (error ? reject(error) : resolve(true)));
    });
  }
}

/**
 * Stores passport's users in sessions of `SessionModule`, without `request.session`, on Express and Fastify:
 *
 * ```ts
 * @Module({
 *   imports: [
 *     SessionModule.forRoot({ memcached: '127.0.0.1:11211' }),
 *     PassportSessionModule.forRoot({ userId: (user: User) => String(user.id) }),
 *   ],
 * })
 * ```
 *
 * `request.logIn()` calls `session.signIn()`, and `request.logOut()` calls `session.signOut()`. All routes
 * have `request.user` and `request.isAuthenticated()`. `UserSessions` manages the sessions of these users.
 */
@Module({})
export class PassportSessionModule implements NestModule, OnModuleDestroy {
  private readonly authenticator: Authenticator;
  private readonly unplug: () => void;

  constructor(
    @Inject(OPTIONS) options: PassportSessionOptions,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
  ) {
    const authenticator = authenticatorOf(options);
    this.authenticator = authenticator;
    const own = authenticator._sm;
    const userId = options.userId as (user: unknown) => string;
    const sessions = new PassportSessions(authenticator, userId);
    authenticator._sm = sessions;
    authenticator.use(sessions);
    this.unplug = () => {
      if (authenticator._sm === sessions) authenticator._sm = own;
    };
  }

  /** Called before routes are registered. In a testing module there is no adapter before. */
  configure(): void {
    // Before the guards of `APP_GUARD`: Nest sorts those of the root module before those of its imports.
    this.config.getGlobalGuards().unshift(new RestoringGuard(this.authenticator));
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter?.getType() === 'fastify') serveFastify(httpAdapter.getInstance());
  }

  /** @throws SessionOptionsError if `userId` is missing or an option is unknown */
  static forRoot<User>(options: PassportSessionOptions<User>): DynamicModule {
    refuseUnknownOptions(options, ['userId', 'passport']);
    if (typeof options.userId !== 'function') {
      throw new SessionOptionsError(
        'userId',
        'give a function of the user, such as (user) => String(user.id)',
      );
    }
    return {
      module: PassportSessionModule,
      providers: [{ provide: OPTIONS, useValue: options }],
    };
  }

  /** Restores passport's own session manager, because the process has one instance of passport. */
  onModuleDestroy(): void {
    this.unplug();
  }
}

function authenticatorOf({ passport: given }: PassportSessionOptions): Authenticator {
  return (given ?? passport) as unknown as Authenticator;
}

/** `undefined`: a gateway's message, a microservice, or an operation of GraphQL without an HTTP response. */
function requestOf(context: ExecutionContext): FrameworkRequest | undefined {
  const type = context.getType<string>();
  if (type === 'http') return context.switchToHttp().getRequest();
  if (type !== 'graphql') return undefined;
  try {
    const request = httpRequestOf(context);
    const { upgrade } = (request.raw ?? request) as { readonly upgrade?: boolean };
    return isRouted(request) && upgrade !== true ? request : undefined;
  } catch {
    return undefined; // executed without a request
  }
}

/** Adds methods of Node.js responses that strategies use to redirect, and Fastify's replies do not have. */
function serveFastify(instance: FastifyInstance): void {
  const methods = {
    setHeader(this: FastifyReply, name: string, value: unknown) {
      this.header(name, value);
    },
    end(this: FastifyReply, body?: unknown) {
      this.send(body);
    },
  };
  for (const [name, method] of Object.entries(methods)) {
    if (!instance.hasReplyDecorator(name)) instance.decorateReply(name, method);
  }
}
