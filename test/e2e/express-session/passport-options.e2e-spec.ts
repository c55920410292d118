import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Post,
  Req,
  Res,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import flash from 'connect-flash';
import type { Request, RequestHandler, Response } from 'express';
import passport, { Strategy as BaseStrategy, type AuthenticateOptions } from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';

import { useBoth, type Visit } from './both.js';

type AnyRequest = Request & { session: Record<string, any> & Request['session'] };

type Done = (error: unknown, user?: object | false, info?: { message: string }) => void;

/** An instance of its own, which no other test file uses. */
const authenticator = new passport.Passport();
authenticator.serializeUser((user, done) => done(null, (user as { name: string }).name));
authenticator.deserializeUser((name: string, done) => done(null, { name }));

authenticator.use(
  new LocalStrategy((name: string, password: string, done: Done) => {
    if (password === 'secret') done(null, { name }, { message: `Hello ${name}` });
    else done(null, false, { message: `Who are you, ${name}?` });
  }),
);

/** A second strategy: a key in a header. */
authenticator.use(
  new (class extends BaseStrategy {
    override name = 'key';

    override authenticate(this: this, { headers }: Request): void {
      if (headers['x-key'] === 'of bob') this.success({ name: 'bob' }, { message: 'By key' });
      else this.fail('Key', 401);
    }
  })(),
);

/** Verifies, and begins a new session first. */
authenticator.use(
  'regenerating',
  new LocalStrategy(
    { passReqToCallback: true },
    (request: Request, name: string, _password: string, done: Done) => {
      const before = request.session as AnyRequest['session'];
      before.regenerate((error: unknown) => {
        (request as AnyRequest).session.verified = [name, before.seen ?? null];
        done(error, { name });
      });
    },
  ),
);

const GOES = { successRedirect: '/who', failureRedirect: '/messages' };

/** Calls passport as middleware does, without the callback that `AuthGuard` has. */
function by(strategy: string | string[], options: AuthenticateOptions = {}): Type<CanActivate> {
  const handlers = [flash(), authenticator.authenticate(strategy, { ...GOES, ...options })];

  @Injectable()
  class PassportGuard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const http = context.switchToHttp();
      for (const handler of handlers) {
        await called(handler, http.getRequest<Request>(), http.getResponse<Response>());
      }
      return true;
    }
  }
  return PassportGuard;
}

function called(handler: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void handler(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(new Error('refused', { cause: error }));
    });
  });
}

@Controller()
class SignInController {
  @Post('flash')
  @UseGuards(by('local', { failureFlash: true, successFlash: true, keepSessionInfo: true }))
  flash() {
    return 'never';
  }

  @Post('flash-texts')
  @UseGuards(
    by('local', {
      // Its types do not know the form with a type.
      failureFlash: { type: 'warning', message: 'No.' } as unknown as string,
      ...{ successFlash: 'Welcome!', keepSessionInfo: true },
    }),
  )
  texts() {
    return 'never';
  }

  @Post('flash-dropped')
  @UseGuards(by('local', { successFlash: true }))
  dropped() {
    return 'never';
  }

  @Post('messages')
  @UseGuards(by('local', { failureMessage: true, successMessage: 'In.', keepSessionInfo: true }))
  messages() {
    return 'never';
  }

  @Post('return')
  @UseGuards(by('local', { successReturnToOrRedirect: '/who', keepSessionInfo: true }))
  back() {
    return 'never';
  }

  @Post('either')
  @UseGuards(by(['key', 'local'], { failureMessage: true, successMessage: true }))
  either() {
    return 'never';
  }

  @Post('regenerating')
  @UseGuards(by('regenerating'))
  regenerating() {
    return 'never';
  }

  @Post('once')
  @UseGuards(by('local', { session: false, successRedirect: undefined! }))
  once(@Req() { user }: Request) {
    return user;
  }

  @Post('authorize')
  @UseGuards(by('key', { assignProperty: 'account', successRedirect: undefined! }))
  authorize(@Req() request: Request & { account?: object }) {
    return [request.account ?? null, request.user ?? null];
  }

  @Get('wanted')
  wanted(@Req() { session }: AnyRequest) {
    session.returnTo = '/who?wanted=1';
    session.seen = true;
    return {};
  }

  @Get('who')
  @UseGuards(by('session', { successRedirect: undefined!, failureRedirect: undefined! }))
  who(@Req() { user, session }: AnyRequest) {
    return { user: user ?? null, session };
  }

  @Get('messages')
  async said(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    await called(flash(), request, response);
    const messages = (request.session as AnyRequest['session']).messages as unknown;
    return { flash: request.flash(), messages: messages ?? null };
  }
}

const ADA = { username: 'ada', password: 'secret' };
const STRANGER = { username: 'eve', password: 'wrong' };

function visitTo(path: string, ...forms: [object, Record<string, string>?][]): Visit {
  return async function* (visitor) {
    yield await visitor.get('/wanted');
    for (const [form, headers = {}] of forms) {
      yield await visitor.post(path, form, { headers });
      yield await visitor.get('/who');
      yield await visitor.get('/messages');
      yield await visitor.get('/messages');
    }
  };
}

const VISITS: Record<string, Visit> = {
  'failureFlash and successFlash: true': visitTo('/flash', [STRANGER], [ADA]),
  'failureFlash and successFlash with texts': visitTo('/flash-texts', [STRANGER], [ADA]),
  'successFlash without keepSessionInfo': visitTo('/flash-dropped', [ADA]),
  'failureMessage and successMessage': visitTo('/messages', [STRANGER], [STRANGER], [ADA]),
  successReturnToOrRedirect: visitTo('/return', [STRANGER], [ADA], [ADA]),
  'two strategies': visitTo('/either', [STRANGER], [{}, { 'x-key': 'of bob' }], [ADA]),
  'regenerate() while it verifies': visitTo('/regenerating', [ADA], [ADA]),
  'session: false': visitTo('/once', [ADA]),
  assignProperty: visitTo('/authorize', [{}, { 'x-key': 'of bob' }]),
};

describe('the options of passport, compared with express-session', () => {
  const both = useBoth({ controllers: [SignInController] });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const { ours, theirs, onFastify } = await both.answers(VISITS[name]!);
    expect(ours).toEqual(theirs);
    expect(onFastify).toEqual(theirs);
    expect(theirs.map(({ status }) => status)).not.toContain(500);
  });

  it('shows each message once', async () => {
    const { theirs } = await both.answers(VISITS['failureFlash and successFlash: true']!);
    const [, , , failed, none, , , welcomed] = theirs.map(({ body }) => body);
    expect([failed, welcomed]).toEqual([
      JSON.stringify({ flash: { error: ['Who are you, eve?'] }, messages: null }),
      JSON.stringify({ flash: { success: ['Hello ada'] }, messages: null }),
    ]);
    expect(none).toBe(JSON.stringify({ flash: {}, messages: null }));
  });
});
