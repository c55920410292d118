import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { Controller, Get, Req, Res, Sse, StreamableFile, type MessageEvent } from '@nestjs/common';
import { of, type Observable } from 'rxjs';

import { LONG, rawOf, write, type AnyRequest, type AnyResponse } from './use-session.js';

const CHUNKS = Array.from({ length: 12 }, (_, at) => String.fromCharCode(97 + at).repeat(16_384));

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function* chunksInTurn(): AsyncGenerator<string> {
  for (const chunk of CHUNKS) {
    await nextTurn();
    yield chunk;
  }
}

async function* chunksThatFail(): AsyncGenerator<string> {
  yield CHUNKS[0]!;
  await nextTurn();
  throw new Error('the source has failed');
}

/** Responses that are sent piece by piece. */
@Controller()
export class StreamWaysController {
  @Get('file-of-a-generator')
  async fileOfGenerator(@Req() request: AnyRequest) {
    await write(request);
    return new StreamableFile(Readable.from(chunksInTurn(), { objectMode: false }));
  }

  @Get('pipe')
  async pipe(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    Readable.from(CHUNKS).pipe(rawOf(response));
  }

  @Get('pipeline')
  async pipeline(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    await pipeline(chunksInTurn, rawOf(response));
  }

  @Get('web-stream')
  async webStream(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    const stream = new Blob(CHUNKS).stream();
    Readable.fromWeb(stream).pipe(rawOf(response));
  }

  @Get('back-pressure')
  async backPressure(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const raw = rawOf(response);
    raw.setHeader('content-type', 'text/plain');
    let goOn: () => void = () => undefined;
    raw.on('drain', () => goOn());
    for (const chunk of CHUNKS) {
      if (!raw.write(chunk)) await new Promise<void>((resolve) => (goOn = resolve));
    }
    raw.end();
  }

  @Get('callbacks')
  async callbacks(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const raw = rawOf(response);
    for (const chunk of ['a', 'b']) await new Promise<unknown>((done) => raw.write(chunk, done));
    raw.write('63', 'hex');
    await new Promise<void>((done) => raw.end('the end', done));
  }

  @Get('corked')
  async corked(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const raw = rawOf(response);
    raw.setHeader('content-type', 'text/plain');
    raw.cork();
    for (const chunk of CHUNKS.slice(0, 3)) raw.write(chunk);
    raw.uncork();
    raw.end();
  }

  @Get('flushed')
  async flushed(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const raw = rawOf(response);
    raw.setHeader('content-type', 'text/event-stream');
    raw.flushHeaders();
    raw.write('data: one\n\n');
    await nextTurn();
    raw.write('data: two\n\n');
    raw.end();
  }

  @Sse('events')
  async events(@Req() request: AnyRequest): Promise<Observable<MessageEvent>> {
    await write(request);
    return of({ data: 'one' }, { data: LONG });
  }

  @Get('web-writable')
  async webWritable(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    await new Blob(CHUNKS).stream().pipeTo(Writable.toWeb(rawOf(response)) as WritableStream);
  }

  @Get('web-response')
  async webResponse(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    const headers = { 'content-type': 'text/plain', 'x-handler': 'yes' };
    response.send(new Response(new Blob(CHUNKS).stream(), { status: 203, headers }));
  }

  @Get('breaks-off')
  async breaksOff(@Req() request: AnyRequest, @Res() response: AnyResponse) {
    await write(request);
    rawOf(response).setHeader('content-type', 'text/plain');
    await pipeline(chunksThatFail, rawOf(response)).catch(() => undefined);
  }
}
