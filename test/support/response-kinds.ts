import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import {
  Catch,
  Controller,
  ForbiddenException,
  Get,
  Head,
  HttpException,
  Injectable,
  ParseIntPipe,
  Query,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MessageEvent,
} from '@nestjs/common';
import { of, type Observable } from 'rxjs';

import { Session, sessionOf } from '../../src/index.js';

/** Both frameworks' responses, as far as they are alike. */
interface AnyResponse {
  raw?: ServerResponse;
  header(name: string, value: string): this;
  status(code: number): this;
  send(body: unknown): unknown;
  redirect(url: string): unknown;
}

const rawOf = (response: AnyResponse) => response.raw ?? (response as unknown as ServerResponse);

@Injectable()
class DenyingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    (await sessionOf(context)).increment('marks');
    throw new ForbiddenException('not you');
  }
}

class TeapotError extends Error {}

@Catch(TeapotError)
class TeapotFilter implements ExceptionFilter {
  async catch(_error: TeapotError, host: ArgumentsHost): Promise<void> {
    (await sessionOf(host)).increment('marks');
    host.switchToHttp().getResponse<AnyResponse>().status(418).send({ teapot: true });
  }
}

/** One route for each way in which a handler can answer; each leaves a mark in the session. */
@Controller()
export class ResponseKindsController {
  @Get('marks')
  marks(@Session('marks') marks: number | undefined) {
    return { marks: marks ?? 0 };
  }

  @Get('returned')
  returned(@Session() session: Session) {
    session.increment('marks');
    return { secret: 'the body' };
  }

  @Get('empty')
  empty(@Session() session: Session) {
    session.increment('marks');
  }

  @Get('res')
  res(@Session() session: Session, @Res() response: AnyResponse) {
    session.increment('marks');
    response.header('x-handler', 'yes').status(201).send({ secret: 'the body' });
  }

  @Get('raw')
  raw(@Session() session: Session, @Res() response: AnyResponse) {
    session.increment('marks');
    rawOf(response).writeHead(202, { 'X-Handler': 'yes', 'Set-Cookie': 'theirs=1' });
    rawOf(response).write('the ');
    rawOf(response).end('body');
  }

  @Get('raw-list')
  rawList(@Session() session: Session, @Res() response: AnyResponse) {
    session.increment('marks');
    const headers = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Handler', 'yes'];
    rawOf(response).writeHead(200, 'Fine', headers).end('the body');
  }

  @Get('redirect')
  @Redirect('/marks', 303)
  redirect(@Session() session: Session) {
    session.increment('marks');
  }

  @Get('res-redirect')
  resRedirect(@Session() session: Session, @Res() response: AnyResponse) {
    session.increment('marks');
    response.status(302).redirect('/marks');
  }

  @Get('guard')
  @UseGuards(DenyingGuard)
  guarded() {
    return 'never';
  }

  @Get('pipe')
  async piped(@Session() session: Session, @Query('n', ParseIntPipe) n: number) {
    await session.save();
    return n;
  }

  @Get('exception')
  exception(@Session() session: Session) {
    session.increment('marks');
    throw new HttpException({ message: 'no' }, 409);
  }

  @Get('crash')
  crash(@Session() session: Session) {
    session.increment('marks');
    throw new Error('the secret reason');
  }

  @Get('filter')
  @UseFilters(TeapotFilter)
  filtered() {
    throw new TeapotError();
  }

  @Get('stream')
  stream(@Session() session: Session, @Res() response: AnyResponse) {
    session.increment('marks');
    const chunks = Array.from({ length: 64 }, (_, i) => Buffer.alloc(16_384, 97 + (i % 26)));
    Readable.from(chunks).pipe(rawOf(response));
  }

  @Get('file')
  file(@Session() session: Session) {
    session.increment('marks');
    return new StreamableFile(createReadStream(fileURLToPath(import.meta.url)));
  }

  @Sse('events')
  events(@Session() session: Session): Observable<MessageEvent> {
    session.increment('marks');
    return of({ data: 'one' }, { data: 'two' });
  }

  @Head('head')
  head(@Session() session: Session) {
    session.increment('marks');
  }
}

interface Kind {
  readonly path: string;
  readonly status: number;
  readonly method?: string;
  readonly body?: RegExp;
}

/** The request, and the expected response if the session is stored. */
export const RESPONSE_KINDS: Kind[] = [
  { path: '/returned', status: 200, body: /the body/ },
  { path: '/empty', status: 200, body: /^$/ },
  { path: '/res', status: 201, body: /the body/ },
  { path: '/raw', status: 202, body: /^the body$/ },
  { path: '/raw-list', status: 200, body: /^the body$/ },
  { path: '/redirect', status: 303 },
  { path: '/res-redirect', status: 302 },
  { path: '/guard', status: 403, body: /not you/ },
  { path: '/exception', status: 409, body: /no/ },
  { path: '/crash', status: 500, body: /Internal server error/ },
  { path: '/filter', status: 418, body: /teapot/ },
  { path: '/stream', status: 200, body: /^a{16384}b{16384}[a-z]{1015808}$/ },
  { path: '/file', status: 200, body: /ResponseKindsController/ },
  { path: '/events', status: 200, body: /data: one[^]*data: two/ },
  { path: '/head', status: 200, method: 'HEAD', body: /^$/ },
];
