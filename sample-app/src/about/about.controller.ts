import { Controller, Get, Headers, Render } from '@nestjs/common';

@Controller('about')
export class AboutController {
  /** Does not ask for the session: no round trip, with or without a cookie; also in an outage. */
  @Get()
  @Render('about')
  about(@Headers('host') host: string) {
    return { host };
  }
}
