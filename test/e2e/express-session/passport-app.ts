import {
  Body,
  Controller,
  Get,
  Injectable,
  Post,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { AuthGuard, PassportSerializer, PassportStrategy } from '@nestjs/passport';
import type { Request, Response } from 'express';
import { Strategy as LocalStrategy } from 'passport-local';
import { Strategy as OAuth2Strategy } from 'passport-oauth2';

/** A Nest application with passport, as in its guides, independent of the session library. */

export interface User {
  readonly id: number;
  readonly name: string;
}

const USERS: User[] = [
  { id: 1, name: 'ada' },
  { id: 2, name: 'bob' },
];

@Injectable()
export class Local extends PassportStrategy(LocalStrategy) {
  validate(name: string, password: string): User {
    const user = USERS.find((one) => one.name === name);
    if (!user || password !== 'secret') throw new UnauthorizedException();
    return user;
  }
}

export interface ProviderPlace {
  url: string;
  /** The URL to which it redirects after the sign-in. */
  callbackURL: string;
}

/** The URL of the provider, after the test has started it. */
export const PROVIDER: ProviderPlace = { url: '', callbackURL: '/oauth2/back' };

@Injectable()
export class OAuth2 extends PassportStrategy(OAuth2Strategy, 'oauth2') {
  constructor() {
    super({
      ...{ authorizationURL: `${PROVIDER.url}/auth`, tokenURL: `${PROVIDER.url}/token` },
      ...{ clientID: 'app', clientSecret: 'its secret', callbackURL: PROVIDER.callbackURL },
      ...{ state: true, pkce: true },
    });
  }

  validate(): User {
    return USERS[0]!;
  }
}

@Injectable()
export class Serializer extends PassportSerializer {
  serializeUser(user: User, done: (error: null, id: number) => void): void {
    done(null, user.id);
  }

  deserializeUser(id: number, done: (error: null, user: User | false) => void): void {
    done(null, USERS.find((one) => one.id === id) ?? false);
  }
}

/** Signs in the user that the strategy returns. */
function signingIn(strategy: string, options: object = {}) {
  @Injectable()
  class SigningInGuard extends AuthGuard(strategy) {
    constructor() {
      super(options);
    }

    override async canActivate(context: ExecutionContext): Promise<boolean> {
      const can = (await super.canActivate(context)) as boolean;
      await super.logIn(context.switchToHttp().getRequest());
      return can;
    }
  }
  return SigningInGuard;
}

@Injectable()
class Authenticated implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<Request>().isAuthenticated();
  }
}

@Controller()
export class MembersController {
  @Post('login')
  @UseGuards(signingIn('local'))
  logIn(@Req() { user }: Request) {
    return user;
  }

  @Post('login-keeping')
  @UseGuards(signingIn('local', { keepSessionInfo: true }))
  logInKeeping(@Req() { user }: Request) {
    return user;
  }

  @Post('logout')
  logOut(@Req() request: Request) {
    return new Promise((resolve, reject) => {
      request.logOut((error) => (error ? reject(error as Error) : resolve({ user: request.user })));
    });
  }

  @Post('logout-keeping')
  logOutKeeping(@Req() request: Request) {
    return new Promise((resolve, reject) => {
      request.logOut({ keepSessionInfo: true }, (error) =>
        error ? reject(error as Error) : resolve({ user: request.user }),
      );
    });
  }

  @Get('members')
  @UseGuards(Authenticated)
  members(@Req() { user }: Request) {
    return user;
  }

  @Get('who')
  who(@Req() request: Request) {
    return [request.user ?? null, request.isAuthenticated?.(), request.isUnauthenticated?.()];
  }

  @Get('oauth2')
  @UseGuards(AuthGuard('oauth2'))
  away() {
    return 'never';
  }

  @Get('oauth2/back')
  @UseGuards(signingIn('oauth2'))
  back(@Req() { user }: Request) {
    return user;
  }
}

/** Other middleware that uses `request.session`. */
@Controller()
export class CartController {
  @Post('cart')
  put(@Req() { session }: Request, @Body() { item }: { item: string }) {
    const cart = ((session as { cart?: string[] }).cart ??= []);
    cart.push(item);
    return cart;
  }

  @Get('cart')
  show(@Req() { session }: Request) {
    return (session as { cart?: string[] }).cart ?? [];
  }

  @Get('session')
  all(@Req() { session }: Request, @Res({ passthrough: true }) _response: Response) {
    return session;
  }
}

export const PROVIDERS = [Local, OAuth2, Serializer];
