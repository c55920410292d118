import type { IncomingMessage } from 'node:http';

import {
  Controller,
  Get,
  Header,
  Inject,
  Injectable,
  Req,
  Sse,
  UseGuards,
  VERSION_NEUTRAL,
  type CanActivate,
  type MessageEvent,
  type Type,
} from '@nestjs/common';
import { finalize, map, type Observable } from 'rxjs';

import { itemOf, pageOf, SCRIPT, STYLE } from './page.js';
import { TimelineRecorder } from './recorder.js';

/** A request of Express, which is that of Node.js, or of Fastify. */
type AnyRequest = IncomingMessage & { readonly raw?: IncomingMessage };

/** Forbids external resources and inline scripts, because the page shows data of untrusted requests. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** How many requests the recorder keeps and the page shows. */
export const KEPT = 100;

/** Leaves requests to the inspector out, wherever the application serves it. */
@Injectable()
class Unrecorded implements CanActivate {
  constructor(@Inject(TimelineRecorder) private readonly recorder: TimelineRecorder) {}

  canActivate(): boolean {
    this.recorder.ignoreCurrent();
    return true;
  }
}

/** Serves the page, its style and script, and the stream of new requests, below `path`. */
export function inspectorController(path: string): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(Unrecorded)
  class SessionInspectorController {
    constructor(@Inject(TimelineRecorder) private readonly recorder: TimelineRecorder) {}

    @Get()
    @Header('Content-Type', 'text/html; charset=utf-8')
    @Header('Content-Security-Policy', CSP)
    @Header('Cache-Control', 'no-store')
    page(@Req() request: AnyRequest): string {
      return pageOf(this.recorder.timelines, assetsOf(request, path));
    }

    @Get('page.css')
    @Header('Content-Type', 'text/css; charset=utf-8')
    style(): string {
      return STYLE;
    }

    @Get('page.js')
    @Header('Content-Type', 'text/javascript; charset=utf-8')
    script(): string {
      return SCRIPT;
    }

    @Sse('live')
    live(@Req() request: AnyRequest): Observable<MessageEvent> {
      return this.recorder.live.pipe(
        map((timeline) => ({ data: { timeline, item: itemOf(timeline), keep: KEPT } })),
        finalize(() => setImmediate(endConnection, request.raw ?? request)),
      );
    }
  }
  return SessionInspectorController;
}

/** The path of the page's assets, relative to it: prefixes of the application and of proxies do not matter. */
function assetsOf({ url = '' }: IncomingMessage, path: string): string {
  const [pathname = ''] = url.split('?', 1);
  return pathname.endsWith('/') ? '.' : path.slice(path.lastIndexOf('/') + 1);
}

/** Ends the connection, because a closing application would otherwise wait for its client. */
function endConnection({ socket, httpVersionMajor }: IncomingMessage): void {
  if (httpVersionMajor === 1) socket.end();
}
