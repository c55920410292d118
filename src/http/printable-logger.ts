import type { LoggerService } from '@nestjs/common';

import { printable, printableStack } from '../session/printable.js';

/** The longest line, in characters; parts from outside are shorter. */
const MAX_LINE = 2000;

/** Logs all lines of this package. Control characters are escaped, so that one line stays one line. */
export class PrintableLogger {
  constructor(private readonly logger: Pick<LoggerService, 'error' | 'log' | 'warn'>) {}

  log(line: string): void {
    this.logger.log(printable(line, MAX_LINE));
  }

  warn(line: string): void {
    this.logger.warn(printable(line, MAX_LINE));
  }

  /** Also logs the stack of `thrown`, if that is an `Error`. */
  error(line: string, thrown?: unknown): void {
    const stack = thrown instanceof Error ? printableStack(thrown, MAX_LINE) : undefined;
    this.logger.error(printable(line, MAX_LINE), ...(thrown === undefined ? [] : [stack]));
  }
}
