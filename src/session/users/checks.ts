import type { SessionPolicy } from '../policy.js';

/** A process remembers the checks of this many sessions; it checks others again. */
const MAX_REMEMBERED = 10_000;

/** A check is valid for at most this many milliseconds. */
const MAX_INTERVAL_MS = 60_000;

interface Check {
  readonly indexKey: string;
  readonly at: number;
  /** Whether it has renewed the index, so that it counts for a request that uses the session. */
  readonly isUse: boolean;
}

/** How long a check of the index is valid, in milliseconds. */
export function checkInterval({ timeout }: SessionPolicy): number {
  return Math.min(MAX_INTERVAL_MS, timeout * 100);
}

/** Which sessions this process has found in their users' indexes, and when. */
export class UserChecks {
  private readonly byHandle = new Map<string, Check>();

  constructor(private readonly policy: SessionPolicy) {}

  /** `isUse`: one that has not renewed the index is not enough. */
  isValid(handle: string, isUse = true): boolean {
    const check = this.byHandle.get(handle);
    if (!check || (isUse && !check.isUse)) return false;
    const age = this.policy.now() - check.at;
    // A negative age means that the clock was set back: the check must not last longer for that.
    return age >= 0 && age < checkInterval(this.policy);
  }

  remember(handle: string, indexKey: string, isUse = true): void {
    this.byHandle.delete(handle);
    this.byHandle.set(handle, { indexKey, at: this.policy.now(), isUse });
    if (this.byHandle.size <= MAX_REMEMBERED) return;
    for (const oldest of this.byHandle.keys()) {
      this.byHandle.delete(oldest);
      break;
    }
  }

  /** Forgets all checks of an index, after sessions were removed from it. */
  forget(indexKey: string): void {
    for (const [handle, check] of this.byHandle) {
      if (check.indexKey === indexKey) this.byHandle.delete(handle);
    }
  }
}
