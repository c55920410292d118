import { lazyLife } from '../lazy-renewal.js';
import { CLOCK_DIFFERENCE_MS } from '../session-keyv.js';
import type { TieredRecord } from './record.js';

export interface CopySettings {
  /** Idle timeout in seconds. */
  readonly timeout: number;
  readonly now: () => number;
}

/** A copy with a higher revision than a final record shows that the move came too late and was not made. */
export function newestOf(
  moved: TieredRecord | undefined,
  copy: TieredRecord | undefined,
): TieredRecord | undefined {
  return moved && copy && copy.revision > moved.revision ? copy : (moved ?? copy);
}

/** How long a copy or a final record is kept, in milliseconds. `outlives`: as of `SessionCopies.write`. */
export function lifeOfCopy(
  settings: CopySettings,
  { isFinal, until }: TieredRecord,
  outlives?: number,
): number {
  if (isFinal) return lifeOfTombstone(settings, outlives);
  return Math.max(1000, until - settings.now());
}

/** Tombstones and final records live longer than copies, to outlast late copies and clock differences. */
export function lifeOfTombstone({ timeout, now }: CopySettings, outlives = 0): number {
  return Math.max(lazyLife(timeout, timeout), outlives - now()) + CLOCK_DIFFERENCE_MS;
}
