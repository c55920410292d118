import type { LoggerService } from '@nestjs/common';

import { printable, printableStack } from '../session/printable.js';

/** Characters of a line; each part of it that comes from outside is shorter. */
const MAX_LINE = 2000;

/** Everything that this package logs goes through one of these: a line stays a line, whatever is in it. */
export class PrintableLogger {
  constructor(private readonly logger: Pick<LoggerService, 'error' | 'log' | 'warn'>) {}

  log(line: string): void {
    this.logger.log(printable(line, MAX_LINE));
  }

  warn(line: string): void {
    this.logger.warn(printable(line, MAX_LINE));
  }

  /** With the stack of what was thrown, if that was an error. */
  error(line: string, thrown?: unknown): void {
    const stack = thrown instanceof Error ? printableStack(thrown, MAX_LINE) : undefined;
    this.logger.error(printable(line, MAX_LINE), ...(thrown === undefined ? [] : [stack]));
  }
}
