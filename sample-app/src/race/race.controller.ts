import {
  Controller,
  Get,
  Headers,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Render,
  Res,
} from '@nestjs/common';
import type { Response } from 'express';

import { EXPERIMENTS } from './experiments.js';
import { Race } from './race.js';

const LINES = 'application/x-ndjson';

/** The same controller on express-session and on this package, side by side. Real runs, each time. */
@Controller('race')
export class RaceController {
  constructor(private readonly race: Race) {}

  @Get()
  @Render('race')
  async page() {
    return { experiments: EXPERIMENTS, results: this.race.results, place: await this.race.place() };
  }

  /** The script of the page reads how it goes, a line each; without it the page comes when all is done. */
  @Post(':experiment')
  @HttpCode(200)
  async run(
    @Param('experiment') id: string,
    @Headers('accept') accept: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const experiment = EXPERIMENTS.find((candidate) => candidate.id === id);
    if (!experiment) throw new NotFoundException('There is no such experiment.');
    if (accept !== LINES) {
      await this.race.run(experiment);
      return response.redirect(303, `/race#${id}`);
    }
    response.set({ 'Content-Type': LINES, 'Cache-Control': 'no-store' });
    await this.race.run(experiment, (side, progress) => {
      response.write(`${JSON.stringify({ side, ...progress })}\n`);
    });
    response.end();
  }
}
