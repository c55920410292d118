import type { LoggerService } from '@nestjs/common';

import type { TierListener } from './store/tiered-session-store.js';

/** Tells the people who run the application of a durable tier's outages, once at each end. */
export class TierLog implements TierListener {
  private isFailing = false;

  constructor(private readonly logger: Pick<LoggerService, 'warn' | 'log'>) {}

  copyFailed(): void {
    if (this.isFailing) return;
    this.isFailing = true;
    this.logger.warn(
      'The durable store of sessions does not take copies. Until it does, what the first store ' +
        'loses is lost; see the option durable, and check its server.',
    );
  }

  copied(): void {
    if (!this.isFailing) return;
    this.isFailing = false;
    this.logger.log('The durable store of sessions takes copies again.');
  }

  restored(): void {
    // nothing a person must know
  }
}
