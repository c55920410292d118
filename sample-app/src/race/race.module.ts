import { Module, type DynamicModule } from '@nestjs/common';

import { CONFIG, type Config } from '../config.js';
import { RaceController } from './race.controller.js';
import { Race } from './race.js';

@Module({})
export class RaceModule {
  static with(config: Config): DynamicModule {
    return {
      module: RaceModule,
      controllers: [RaceController],
      providers: [Race, { provide: CONFIG, useValue: config }],
    };
  }
}
