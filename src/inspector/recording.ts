import type { SessionEvent } from '../session/telemetry.js';
import { SessionState } from '../session/session-state.js';
import { printable } from '../session/printable.js';
import type { RequestTimeline, StoredEntry, TimelineStep } from './timeline.js';

/** The size in bytes above which a session causes a warning, because each request reads it completely. */
const LARGE = 100_000;

type Texts = ReadonlyMap<string, string>;

/** What is recorded. */
export type Recorded = Pick<RequestTimeline, 'kind' | 'method' | 'path'>;

/** How it ended. */
export interface Outcome extends Partial<
  Pick<RequestTimeline, 'status' | 'bytes' | 'headers' | 'warnings'>
> {
  /** The last step. */
  readonly what: string;
  readonly note?: string;
}

/** Records what one request or message does with its session. */
export class Recording {
  private readonly began = performance.now();
  private readonly came = Date.now();
  private readonly steps: TimelineStep[] = [];
  private readonly warnings = new Set<string>();
  private readonly operations: string[] = [];
  private handle: string | undefined;
  private roundTrips = 0;
  private commits = 0;
  private before: Texts = new Map();
  private stored: StoredEntry[] | undefined;
  private isNewId = false;
  isIgnored = false;

  constructor(private readonly recorded: Recorded) {}

  get usesSession(): boolean {
    return this.handle !== undefined;
  }

  /** An operation of GraphQL in this request, such as `mutation signIn`. */
  operation(name: string): void {
    this.operations.push(name);
    this.step({ what: 'resolver', note: name });
  }

  event(event: SessionEvent, payload: object, session: object | undefined): void {
    const note = noteOf(payload);
    this.step({ what: event, ...(note && { note }) });
    const warning = WARNINGS[event];
    if (warning) this.warnings.add(warning);
    if (event === 'loaded' && 'found' in payload && !payload.found) this.warnings.add(NOT_FOUND);
    if (event === 'regenerated' || event === 'signed-in') this.isNewId = true;
    if (!(session instanceof SessionState)) return;
    this.handle = session.identity.handle;
    const { view } = session.entries;
    if (event === 'loaded') this.before = view;
    if (event === 'committed') {
      this.commits++;
      this.store(view);
    }
  }

  /** Records a completed operation on a server of the store. */
  roundTrip(operation: string, took: number, error: unknown): void {
    this.roundTrips++;
    const note = error instanceof Error ? printable(error.message) : undefined;
    const at = Math.max(0, performance.now() - this.began - took);
    this.steps.push({ at, what: operation, took, ...(note !== undefined && { note }) });
  }

  end(
    number: number,
    { what, note, headers = [], warnings = [], ...outcome }: Outcome,
  ): RequestTimeline {
    const { recorded, came, handle, stored, roundTrips, operations } = this;
    this.step({ what, ...(note && { note }) });
    for (const warning of warnings) this.warnings.add(warning);
    if (this.commits > 1 && !this.isNewId) this.warnings.add(STORED_TWICE);
    return {
      ...{ number, ...recorded, operations, came, took: performance.now() - this.began },
      ...{ ...outcome, roundTrips, headers, warnings: [...this.warnings] },
      steps: this.steps.sort((one, other) => one.at - other.at),
      ...(handle !== undefined && { handle }),
      ...(stored && { stored }),
    };
  }

  private step(step: Omit<TimelineStep, 'at'>): void {
    this.steps.push({ at: performance.now() - this.began, ...step });
  }

  private store(after: Texts): void {
    const entries = [...after].map(([key, text]): StoredEntry => {
      const old = this.before.get(key);
      const change = old === undefined ? 'new' : old === text ? 'unchanged' : 'changed';
      return { name: nameOf(key), change, bytes: Buffer.byteLength(text) };
    });
    const removed = [...this.before.keys()].filter((key) => !after.has(key));
    for (const key of removed) entries.push({ name: nameOf(key), change: 'removed', bytes: 0 });
    this.stored = entries;
    this.before = new Map(after);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytes > LARGE) this.warnings.add(LARGE_SESSION);
  }
}

const NOT_FOUND =
  'The id that the client sent has no session: it has ended, run out or been evicted.';
const LARGE_SESSION =
  'The session is large, and each request that uses it reads it whole: keep large values elsewhere, and ' +
  'only their keys in the session.';
const STORED_TWICE =
  'Stored more than once: see whether save() is called in vain. One write at the end stores all changes.';

const WARNINGS: Partial<Record<SessionEvent, string>> = {
  conflict: 'Another process stored the session first; the changes were merged and stored again.',
  gone: 'The session ended while this request was under way; its changes were dropped.',
  expired: 'The session was past its absolute timeout, and has ended.',
  refused: 'The session could not be stored, so an error was sent in place of the response.',
  'copy-failed': 'The durable store did not take its copy.',
};

/** The name to show. Keys of flash messages begin with a NUL. */
function nameOf(key: string): string {
  return printable(key.replace(/^\0flash:/, 'flash: '));
}

function noteOf(payload: object): string {
  const shown = Object.entries(payload).filter(
    ([name]) => !['handle', 'userId', 'previousHandle'].includes(name),
  );
  return shown.map(([name, value]) => `${name}: ${printable(value)}`).join(', ');
}
