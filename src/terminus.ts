import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

import { SessionMonitor } from './session-monitor.js';
import type { ServerReport } from './store/server-health.js';

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

  /**
   * Up if every server of the store answers, after at most one probe. Reports the state of each, as
   * `server 1` and so on: health checks are often public.
   *
   * @param options `showServers: true`: by their names, and with what is wrong with their configuration
   */
  async isHealthy<Key extends string>(
    key: Key,
    { showServers = false }: { readonly showServers?: boolean | undefined } = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const reports = await this.monitor.check();
    const servers = Object.fromEntries(
      reports.map((report, index) =>
        showServers ? [report.server, stateOf(report)] : [`server ${index + 1}`, report.state],
      ),
    );
    const indicator = this.indicators.check(key);
    const isUp = reports.every(({ state }) => state !== 'down');
    return isUp ? indicator.up({ servers }) : indicator.down({ servers });
  }
}

function stateOf({ state, problem }: ServerReport): string {
  return problem ? `${state}: ${problem}` : state;
}
