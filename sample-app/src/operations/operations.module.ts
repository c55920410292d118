import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { SessionHealthIndicator } from 'nestjs-session-manager/terminus';

import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

/** For those who run the shop. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController, MetricsController],
  providers: [SessionHealthIndicator],
})
export class OperationsModule {}
