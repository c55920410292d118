import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';

import {
  Body,
  ConflictException,
  Controller,
  Get,
  Head,
  Header,
  HttpCode,
  Post,
  Redirect,
  Render,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common';

import { Session } from '../../src/index.js';
import { LONG, rawOf, SHORT, write, type AnyRequest, type AnyResponse } from './use-session.js';

/** The forms in which `writeHead` takes its headers. */
export const HEADS: Record<string, (raw: ServerResponse) => ServerResponse> = {
  status: (raw) => raw.writeHead(202),
  object: (raw) => raw.writeHead(202, { 'X-Handler': 'yes', 'Set-Cookie': 'theirs=1' }),
  message: (raw) => raw.writeHead(202, 'Fine', { 'x-handler': ['yes', 'no'] }),
  list: (raw) => raw.writeHead(202, ['X-Handler', 'yes', 'Set-Cookie', 'a=1']),
  'no-message': (raw) => raw.writeHead(202, undefined, { 'X-Handler': 'yes' }),
  'message-list': (raw) => raw.writeHead(202, 'Fine', ['x-handler', 'yes', 'x-other', 'no']),
  'over-set': (raw) => {
    raw.setHeader('x-handler', 'no');
    return raw.writeHead(202, { 'X-Handler': 'yes' });
  },
  'old-name': (raw) =>
    (raw as unknown as { writeHeader: ServerResponse['writeHead'] }).writeHeader(202, {
      'X-Handler': 'yes',
    }),
  length: (raw) => raw.writeHead(202, { 'Content-Length': Buffer.byteLength(SHORT) }),
};

/** Sent too late; a response that accepted it would hang or be truncated. */
function expectRefused(work: () => void): void {
  try {
    work();
  } catch {
    return;
  }
  throw new Error('It was not too late');
}

@Controller()
export class WaysController {
  @Get('session')
  session(@Session({ readOnly: true }) session: Session) {
    return session.toJSON();
  }

  @Get('returned')
  async returned(@Req() request: AnyRequest) {
    await write(request);
    return { secret: SHORT };
  }

  @Get('returned-long')
  async returnedLong(@Req() request: AnyRequest) {
    await write(request);
    return LONG;
  }

  @Get('nothing')
  async nothing(@Req() request: AnyRequest) {
    await write(request);
  }

  @Get('no-content')
  @HttpCode(204)
  async noContent(@Req() request: AnyRequest) {
    await write(request);
  }

  @Get('cacheable')
  @Header('Cache-Control', 'public, max-age=3600')
  async cacheable(@Req() request: AnyRequest) {
    await write(request);
    return SHORT;
  }

  @Get('passthrough')
  async passthrough(@Req() request: AnyRequest, @Res({ passthrough: true }) response: AnyResponse) {
    await write(request);
    response.header('x-handler', 'yes').status(201);
    return { secret: SHORT };
  }

  @Get('send')
  async send(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    response.header('x-handler', 'yes').status(201).send({ secret: LONG });
  }

  @Get('send-file')
  async sendFile(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    response.sendFile(fileURLToPath(import.meta.url));
  }

  @Get('end')
  async end(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('set-cookie', 'theirs=1');
    rawOf(response).end(SHORT);
  }

  @Get('end-long')
  async endLong(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    rawOf(response).end(LONG);
  }

  @Get('end-empty')
  async endEmpty(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).end();
  }

  @Get('write-head/:form')
  async writeHead(
    @Req() request: AnyRequest & { params: { form: string } },
    @Res() response: AnyResponse,
  ) {
    await write(request);
    HEADS[request.params.form]!(rawOf(response)).end(SHORT);
  }

  @Get('not-modified')
  async notModified(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).writeHead(304, { etag: '"1"' }).end();
  }

  @Post('continued')
  async continued(@Req() request: AnyRequest, @Body() body: { text: string }) {
    await write(request);
    return { received: body.text.length };
  }

  @Get('early-hints')
  async earlyHints(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    rawOf(response).writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    await write(request);
    rawOf(response).writeEarlyHints({ link: '</script.js>; rel=preload; as=script' });
    rawOf(response).end(SHORT);
  }

  @Get('closing')
  async closing(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('connection', 'close').end(SHORT);
  }

  @Get('hijacked')
  async hijacked(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    response.hijack();
    await write(request);
    rawOf(response).end(SHORT);
  }

  @Get('rendered')
  @Render('page.ejs')
  async rendered(@Req() request: AnyRequest) {
    await write(request);
    return { text: LONG };
  }

  @Get('redirect')
  @Redirect('/elsewhere', 303)
  async redirect(@Req() request: AnyRequest) {
    await write(request);
  }

  @Get('redirected')
  async redirected(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    response.status(302).redirect('/elsewhere');
  }

  @Get('exception')
  async exception(@Req() request: AnyRequest) {
    await write(request);
    throw new ConflictException('not now');
  }

  @Get('crash')
  async crash(@Req() request: AnyRequest) {
    await write(request);
    throw new Error('the secret reason');
  }

  @Get('file')
  async file(@Req() request: AnyRequest) {
    await write(request);
    return new StreamableFile(Buffer.from(LONG), { type: 'text/plain', length: LONG.length });
  }

  @Head('head')
  async head(@Req() request: AnyRequest) {
    await write(request);
  }

  @Get('trailers')
  async trailers(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const raw = rawOf(response);
    raw.setHeader('trailer', 'x-sum');
    raw.write(SHORT);
    raw.addTrailers({ 'x-sum': '14' });
    raw.end();
  }

  @Get('twice')
  async twice(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    response.send({ first: 1 });
    response.send({ second: 'longer than the first' });
  }

  @Get('twice-raw')
  async twiceRaw(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).end('first');
    expectRefused(() => rawOf(response).setHeader('x-late', 'yes'));
    expectRefused(() => rawOf(response).writeHead(500));
    rawOf(response).end();
  }
}
