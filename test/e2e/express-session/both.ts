import { afterAll, beforeAll } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import session from 'express-session';

import { requestSession } from '../../../src/express-session.js';
import type { Visitor, HttpResponse } from '../../support/http-client.js';
import { startSessionApp, type SessionApp } from '../../support/session-app.js';

/** An application with `request.session`, from this package or from express-session. */
export interface Application {
  readonly controllers?: Type[];
  readonly providers?: Type[];
  /** Set-up in `main.ts`, after the session middleware. */
  readonly prepare?: (app: INestApplication) => void;
}

/** The same application twice: with this package, and with express-session. */
export interface Both {
  readonly ours: SessionApp;
  readonly theirs: SessionApp;
  /** Returns the answers of both applications to a visit, for `expect(ours).toEqual(theirs)`. */
  answers(visit: Visit): Promise<{ ours: Answer[]; theirs: Answer[] }>;
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
  beforeAll(async () => {
    started.push(
      await start(application, (app) => app.use(requestSession())),
      await start(application, (app) => {
        const options = { secret: 'a secret', resave: false, saveUninitialized: false };
        const cookie = { sameSite: 'lax', secure: false } as const;
        app.use(session({ ...options, cookie }));
      }),
    );
  }, 60_000);
  afterAll(() => Promise.all(started.map((app) => app.close())));
  return {
    get ours() {
      return started[0]!;
    },
    get theirs() {
      return started[1]!;
    },
    async answers(visit) {
      const [ours, theirs] = await Promise.all(started.map((app) => answersOf(app, visit)));
      return { ours: ours!, theirs: theirs! };
    },
  };
}

function start(
  { controllers = [], providers, prepare }: Application,
  serveSessions: (app: INestApplication) => void,
): Promise<SessionApp> {
  return startSessionApp({
    controllers,
    options: { cookie: { secure: false } },
    ...(providers && { providers }),
    prepare(app) {
      serveSessions(app);
      prepare?.(app);
    },
  });
}

async function answersOf(app: SessionApp, visit: Visit): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const { status, headers, body } of visit(app.visitor())) {
    answers.push({ status, location: headers.location?.replace(app.url, ''), body });
  }
  return answers;
}
