import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

import { SessionMonitor } from './session-monitor.js';

/**
 * The session store as a health indicator of `@nestjs/terminus`. Provide it next to your health
 * controller:
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

  /** Up if each server of the store answers; names the state of each. Asks them, at most once a call. */
  async isHealthy<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const reports = await this.monitor.check();
    const servers = Object.fromEntries(reports.map(({ server, state }) => [server, state]));
    const indicator = this.indicators.check(key);
    const isUp = reports.every(({ state }) => state !== 'down');
    return isUp ? indicator.up({ servers }) : indicator.down({ servers });
  }
}
