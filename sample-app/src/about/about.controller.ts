import { Controller, Get, Render } from '@nestjs/common';

@Controller('about')
export class AboutController {
  /** Does not ask for the session: no round trip, with or without a cookie; also in an outage. */
  @Get()
  @Render('about')
  about() {
    return {};
  }
}
