import { afterAll, beforeAll } from '@jest/globals';
import type { INestApplication, Provider, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import session from 'express-session';

import { requestSession } from '../../../src/express-session.js';
import type { Visitor, HttpResponse } from '../../support/http-client.js';
import { startSessionApp, type Platform, type SessionApp } from '../../support/session-app.js';

/** An application with `request.session`, from this package or from express-session. */
export interface Application {
  readonly controllers?: Type[];
  readonly providers?: Provider[];
  /** Set-up in `main.ts`, after the session middleware: for applications that are on Express only. */
  readonly prepare?: (app: INestApplication) => void;
}

/** The same application with this package on Express and on Fastify, and with express-session on Express. */
export interface Both {
  readonly ours: SessionApp;
  readonly theirs: SessionApp;
  /** These, and that on Fastify. */
  readonly all: readonly SessionApp[];
  /** Returns the answers to a visit, for `expect(ours).toEqual(theirs)`. */
  answers(visit: Visit): Promise<Answers>;
}

export interface Answers {
  readonly ours: Answer[];
  readonly theirs: Answer[];
  /** Of this package on Fastify; `undefined` if the application is on Express only. */
  readonly onFastify: Answer[] | undefined;
}

/** The requests of one visitor. Yields their responses. */
export type Visit = (visitor: Visitor) => AsyncGenerator<Answered>;

/** The parts of a response that are compared. */
type Answered = Pick<HttpResponse, 'status' | 'headers' | 'body'>;

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

export function useBoth(application: Application): Both {
  const started: SessionApp[] = [];
  const { prepare } = application;
  beforeAll(async () => {
    started.push(
      await start(application, 'express', (app) => {
        app.use(requestSession());
        prepare?.(app);
      }),
      await start(application, 'express', (app) => {
        const options = { secret: 'a secret', resave: false, saveUninitialized: false };
        const cookie = { sameSite: 'lax', secure: false } as const;
        app.use(session({ ...options, cookie }));
        prepare?.(app);
      }),
    );
    if (prepare) return;
    const onFastify = await start(application, 'fastify', (app) => {
      void (app as NestFastifyApplication).register(requestSession());
    });
    started.push(onFastify);
  }, 60_000);
  afterAll(() => Promise.all(started.map((app) => app.close())));
  return {
    all: started,
    get ours() {
      return started[0]!;
    },
    get theirs() {
      return started[1]!;
    },
    async answers(visit) {
      const answers = await Promise.all(started.map((app) => answersOf(app, visit)));
      const [ours, theirs, onFastify] = answers as [Answer[], Answer[], Answer[]?];
      return { ours, theirs, onFastify };
    },
  };
}

function start(
  { controllers = [], providers }: Application,
  platform: Platform,
  prepare: (app: INestApplication) => void,
): Promise<SessionApp> {
  return startSessionApp({
    ...{ platform, controllers, prepare },
    options: { cookie: { secure: false } },
    ...(providers && { providers }),
  });
}

/** Returns the answers of one application to a visit. */
export async function answersOf(
  app: Pick<SessionApp, 'url' | 'visitor'>,
  visit: Visit,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const { status, headers, body } of visit(app.visitor())) {
    const { location } = headers;
    // Of a redirect, each framework makes the text by itself.
    const text = location === undefined ? body : '';
    answers.push({ status, location: location?.replace(app.url, ''), body: text });
  }
  return answers;
}

/** Requests a token, and sends requests without a token, with a wrong one and with the right one. */
export function tokenVisit(path: string): Visit {
  return async function* (visitor) {
    const { body: token, status } = await visitor.get(`${path}/token`);
    yield { status, headers: {}, body: `of ${token.length} characters` };
    for (const sent of [undefined, 'wrong', token]) {
      yield await visitor.post(`${path}/change`, undefined, {
        headers: sent === undefined ? {} : { 'x-csrf-token': sent },
      });
    }
  };
}

/** Follows the redirects from the application to the provider and back, like a browser. */
export async function* signInAt(
  path: string,
  visitor: Visitor,
  back?: (url: URL) => void,
): AsyncGenerator<Answered> {
  const away = await visitor.get(path);
  yield { status: away.status, headers: {}, body: '' };
  const { headers } = await visitor.get(away.headers.location!);
  const url = new URL(headers.location!);
  back?.(url);
  const landed = await visitor.get(url.href);
  yield landed;
  if (landed.headers.location) yield await visitor.get(landed.headers.location);
}
