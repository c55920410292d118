import { describe, expect, it } from '@jest/globals';
import {
  Injectable,
  UseGuards,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Context, Field, Int, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import type { Request } from 'express';
import passport from 'passport';

import { PassportSessionModule } from '../../../src/passport.js';
import { GRAPHQL_STACKS, operate } from '../../support/graphql-apps.js';
import { useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';
import { MembersController, PROVIDER, PROVIDERS, type User } from './passport-app.js';

const ADA = { username: 'ada', password: 'secret' };

PROVIDER.url ||= 'http://127.0.0.1:1'; // a strategy needs a URL even if it is not used
const passportSessions = () =>
  PassportSessionModule.forRoot({ userId: (user: User) => String(user.id) });

/** Protects the whole application, as an `APP_GUARD` of its root module. */
@Injectable()
class MembersOnly implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    return request.url === '/login' || request.isAuthenticated();
  }
}

describe.each(PLATFORMS)('a guard of the whole application, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [MembersController],
    imports: [passportSessions()],
    providers: [...PROVIDERS, { provide: APP_GUARD, useClass: MembersOnly }],
  }));

  it('is called after the user was restored', async () => {
    const visitor = app.visitor();
    expect((await visitor.get('/who')).status).toBe(403);
    await visitor.post('/login', ADA);
    expect((await visitor.get('/who')).json).toEqual([{ id: 1, name: 'ada' }, true, false]);
  });
});

describe('middleware', () => {
  const seen: unknown[] = [];
  const app = useSessionApp(() => ({
    controllers: [MembersController],
    imports: [passportSessions()],
    providers: PROVIDERS,
    prepare(nest) {
      nest.use(passport.session());
      nest.use((request: Request, _response: object, next: () => void) => {
        seen.push(request.user);
        next();
      });
    },
  }));

  it('sees the user after passport.session()', async () => {
    const visitor = app.visitor();
    await visitor.post('/login', ADA);
    await visitor.get('/who');
    expect(seen).toEqual([undefined, { id: 1, name: 'ada' }]);
  });
});

interface GraphqlContext {
  readonly req?: Request;
  readonly reply?: { readonly request: Request };
}

const requestOf = ({ req, reply }: GraphqlContext) => (req ?? reply?.request)!;

@Injectable()
class SignedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (!requestOf(context.getArgByIndex(2)).isAuthenticated()) throw new UnauthorizedException();
    return true;
  }
}

@ObjectType()
class Member {
  @Field(() => Int)
  id!: number;
}

@Resolver()
class MembersResolver {
  @UseGuards(SignedIn)
  @Query(() => Member)
  me(@Context() context: GraphqlContext) {
    return requestOf(context).user;
  }

  @Mutation(() => Boolean)
  async logOut(@Context() context: GraphqlContext) {
    await new Promise<void>((resolve, reject) => {
      requestOf(context).logOut((error) => (error ? reject(error as Error) : resolve()));
    });
    return true;
  }
}

describe.each(GRAPHQL_STACKS)('passport in GraphQL: $name', ({ platform, graphql }) => {
  const app = useSessionApp(() => ({
    platform,
    imports: [passportSessions(), graphql()],
    controllers: [MembersController],
    providers: [...PROVIDERS, MembersResolver],
  }));

  it('restores the user for guards and resolvers, also of fields that run in parallel', async () => {
    const visitor = app.visitor();
    expect((await operate(visitor, '{ me { id } }')).data).toBeNull();
    await visitor.post('/login', ADA);
    const { data, errors } = await operate(visitor, '{ one: me { id } two: me { id } }');
    expect([data, errors]).toEqual([{ one: { id: 1 }, two: { id: 1 } }, undefined]);
    expect((await operate(visitor, 'mutation { logOut }')).data).toEqual({ logOut: true });
    expect((await operate(visitor, '{ me { id } }')).data).toBeNull();
  });
});
