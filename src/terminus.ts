import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

import { SessionMonitor } from './session-monitor.js';

/**
 * A health indicator of the session store for `@nestjs/terminus`. Provide it in the module of your
 * health controller:
 *
 * ```ts
 * @Get('health')
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.sessions.isHealthy('sessions')]);
 * }
 * ```
 */
@Injectable()
export class SessionHealthIndicator {
  constructor(
    private readonly monitor: SessionMonitor,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /** Up if every server of the store answers. Reports the state of each, after at most one probe. */
  async isHealthy<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const reports = await this.monitor.check();
    const servers = Object.fromEntries(reports.map(({ server, state }) => [server, state]));
    const indicator = this.indicators.check(key);
    const isUp = reports.every(({ state }) => state !== 'down');
    return isUp ? indicator.up({ servers }) : indicator.down({ servers });
  }
}
