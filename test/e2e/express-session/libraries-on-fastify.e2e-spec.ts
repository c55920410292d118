import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  HttpCode,
  Module,
  Post,
  Req,
  UseGuards,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuthGuard } from '@nestjs/passport';
import flash from 'connect-flash';
import { csrfSync } from 'csrf-sync';
import csurf from 'csurf';
import session from 'express-session';
import grant from 'grant';
import lusca from 'lusca';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';

import { requestSession } from '../../../src/express-session.js';
import { SessionModule } from '../../../src/index.js';
import { visitor } from '../../support/http-client.js';
import { answersOf, signInAt, tokenVisit, type Answer, type Visit } from './both.js';
import { startProvider, type Provider } from './provider.js';

/** Middleware gets the raw request, so its methods are on that one. */
interface FastifyRequest {
  readonly session: Record<string, any>;
  readonly raw: {
    readonly session: Record<string, any>;
    readonly flash: (...args: unknown[]) => unknown;
    readonly csrfToken: () => string;
    readonly user?: unknown;
    readonly logout: (callback: (error?: Error) => void) => void;
  };
}

@Controller('flash')
class FlashController {
  @Post('say')
  @HttpCode(200)
  say(@Req() { raw }: FastifyRequest) {
    return [raw.flash('info', 'Saved'), raw.flash('info', '%s again', 'Saved')];
  }

  @Get('read')
  read(@Req() { raw }: FastifyRequest) {
    return raw.flash('info');
  }

  @Get('all')
  all(@Req() { raw }: FastifyRequest) {
    return raw.flash();
  }
}

@Controller(['csurf', 'lusca', 'csrf-sync'])
class TokenController {
  @Get('token')
  token(@Req() { raw }: FastifyRequest) {
    return raw.csrfToken();
  }

  @Post('change')
  @HttpCode(200)
  change() {
    return 'changed';
  }
}

@Controller('granted')
class GrantedController {
  @Get()
  granted(@Req() request: FastifyRequest) {
    const { provider: name, response } = request.session.grant;
    return { name, has: Object.keys(response ?? {}).sort(), keys: Object.keys(request.session) };
  }
}

type Done = (error: null, user: object | string | false) => void;

passport.use(
  new LocalStrategy((username: string, password: string, done: Done) =>
    done(null, password === 'right' && { username }),
  ),
);
passport.serializeUser((user: object, done: Done) =>
  done(null, (user as { username: string }).username),
);
passport.deserializeUser((username: string, done: Done) => done(null, { username }));

class SignInGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

@Controller('passport')
class PassportController {
  @Post('visit')
  @HttpCode(200)
  visit(@Req() { session }: FastifyRequest) {
    return (session.visits = Number(session.visits ?? 0) + 1);
  }

  @UseGuards(SignInGuard)
  @Post('sign-in')
  signIn() {
    return 'welcome';
  }

  @Get('me')
  me(@Req() { raw }: FastifyRequest) {
    return { user: raw.user, keys: Object.keys(raw.session) };
  }

  @Post('sign-out')
  signOut(@Req() { raw }: FastifyRequest) {
    return new Promise<string>((resolve, reject) =>
      raw.logout((error) => (error ? reject(error) : resolve('bye'))),
    );
  }
}

@Module({
  imports: [SessionModule.forRoot({ cookie: { secure: false } })],
  controllers: [FlashController, TokenController, GrantedController, PassportController],
})
class AppModule {}

let provider: Provider;

function mount(app: NestFastifyApplication): void {
  app.use('/flash', flash());
  app.use('/passport', passport.initialize());
  app.use('/passport', passport.session());
  app.use('/csurf', csurf());
  // `res.locals` is Express's, and lusca puts its token there as well.
  app.use('/lusca', (_request: unknown, response: { locals?: object }, next: () => void) => {
    response.locals = {};
    next();
  });
  app.use('/lusca', lusca.csrf());
  app.use('/csrf-sync', csrfSync().csrfSynchronisedProtection);
}

/** The form that grant has for Fastify: a plugin, which uses the session of the Fastify request. */
function grantPlugin() {
  return grant.fastify({
    defaults: { prefix: '/connect', transport: 'session' },
    test: {
      ...{ key: 'app', secret: 'its secret', oauth: 2, state: true, pkce: true },
      authorize_url: `${provider.url}/auth`,
      access_url: `${provider.url}/token`,
      dynamic: ['redirect_uri', 'scope'],
      callback: '/granted',
    },
  });
}

const withThisPackage = (app: NestFastifyApplication): void => {
  app.use(requestSession());
};

/** As middleware, which serves the raw request only. */
const withExpressSession = (app: NestFastifyApplication): void => {
  const options = { secret: 'a secret', resave: false, saveUninitialized: false };
  app.use(session({ ...options, cookie: { sameSite: 'lax', secure: false } }));
  app
    .getHttpAdapter()
    .getInstance()
    .decorateRequest('session', {
      getter(this: FastifyRequest) {
        return this.raw.session;
      },
    } as never);
};

async function start(useSessions: (app: NestFastifyApplication) => void) {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    logger: false,
  });
  useSessions(app);
  mount(app);
  await app.register(grantPlugin());
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return { url, visitor: () => visitor(url), close: () => app.close() };
}

function connectFrom(baseUrl: string): string {
  return `/connect/test?redirect_uri=${encodeURIComponent(`${baseUrl}/connect/test/callback`)}`;
}

/** The visit, and the answers that show that the library works. */
const VISITS: Record<string, [Visit, number[]]> = {
  'connect-flash': [
    async function* (visitor) {
      yield await visitor.post('/flash/say');
      yield await visitor.get('/flash/read');
      yield await visitor.get('/flash/read');
      yield await visitor.get('/flash/all');
    },
    [200, 200, 200, 200],
  ],
  'passport-local, by a guard': [
    async function* (visitor) {
      yield await visitor.post('/passport/visit');
      const before = visitor.cookie;
      yield await visitor.post('/passport/sign-in', { username: 'ada', password: 'wrong' });
      yield await visitor.post('/passport/sign-in', { username: 'ada', password: 'right' });
      expect(visitor.cookie).not.toBe(before);
      yield await visitor.get('/passport/me');
      yield await visitor.post('/passport/sign-out');
      yield await visitor.get('/passport/me');
    },
    [200, 401, 201, 200, 201, 200],
  ],
  csurf: [tokenVisit('/csurf'), [200, 403, 403, 200]],
  // It sets the status on the response, which Fastify does not read: so its refusals are a 500.
  lusca: [tokenVisit('/lusca'), [200, 500, 500, 200]],
  'csrf-sync': [tokenVisit('/csrf-sync'), [200, 403, 403, 200]],
  'grant, with state and PKCE': [
    (visitor) => signInAt(connectFrom(visitor.baseUrl), visitor),
    [302, 302, 200],
  ],
  'grant, with a forged state': [
    (visitor) =>
      signInAt(connectFrom(visitor.baseUrl), visitor, (url) =>
        url.searchParams.set('state', 'forged'),
      ),
    [302, 302, 200],
  ],
};

describe('libraries that use request.session on Fastify, compared with express-session', () => {
  const apps: Awaited<ReturnType<typeof start>>[] = [];

  beforeAll(async () => {
    provider = await startProvider();
    apps.push(await start(withThisPackage), await start(withExpressSession));
  }, 60_000);

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await provider.close();
  });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const [visit, statuses] = VISITS[name]!;
    const [ours, theirs] = (await Promise.all(apps.map((app) => answersOf(app, visit)))) as [
      Answer[],
      Answer[],
    ];
    expect(ours).toEqual(theirs);
    expect(ours.map(({ status }) => status)).toEqual(statuses);
  });
});
