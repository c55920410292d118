import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Res,
  Scope,
  type INestApplication,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';

import { ANSWERS } from '../answers.js';
import type { Platform } from '../contenders.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';

@Controller()
class BareController {
  /** Nothing is kept; the cookie makes the requests as long as those of the others. */
  @Get(['seed/small', 'seed/large'])
  seed(@Res({ passthrough: true }) response: HeaderSetter) {
    setNewCookie(response);
    return ANSWERS.seeded;
  }

  @Get('untouched')
  untouched() {
    return ANSWERS.untouched;
  }

  @Get('read')
  read() {
    return ANSWERS.read;
  }

  @Get('write')
  write() {
    return ANSWERS.written;
  }

  @Get('count')
  count() {
    return ANSWERS.written;
  }
}

/** Costs what Nest itself takes for request scope. */
@Injectable({ scope: Scope.REQUEST })
class RequestScoped {
  readonly answer = ANSWERS.read;

  constructor(@Inject(REQUEST) readonly request: unknown) {}
}

@Controller()
class RequestScopedController {
  constructor(private readonly requestScoped: RequestScoped) {}

  @Get('injected')
  read() {
    return this.requestScoped.answer;
  }
}

@Module({
  controllers: [BareController, RequestScopedController],
  providers: [RequestScoped],
})
class BareModule {}

export function createBareApp(platform: Platform): Promise<INestApplication> {
  return createNestApp(platform, BareModule);
}
