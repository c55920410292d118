/** A record in the fast store or in the durable tier behind it. */
export interface TieredRecord {
  /**
   * Grows with each write and with the time, so a write after a restore has a higher revision than any
   * earlier write that never reached the tier. A final record has the revision of the record it replaces.
   */
  readonly revision: number;
  /** The idle deadline in the tier's copy, in milliseconds since 1970. 0: not copied yet. */
  readonly until: number;
  /** The replaced record must never be served again. */
  readonly isFinal: boolean;
  readonly text: string;
}

/** Stored in the fast store while the tier is read: a request that ends the session meanwhile removes it. */
export const LEASE = 'T1 lease\n';

const ENVELOPE = /^T1 (\d{1,16}) (\d{1,16}) (live|final)\n/;

export function encodeTiered({ revision, until, isFinal, text }: TieredRecord): string {
  return `T1 ${revision} ${until} ${isFinal ? 'final' : 'live'}\n${text}`;
}

/** `undefined`: another format. */
export function decodeTiered(value: unknown): TieredRecord | undefined {
  const [envelope, revision, until, kind] =
    (typeof value === 'string' ? ENVELOPE.exec(value) : undefined) ?? [];
  if (envelope === undefined) return undefined;
  return {
    revision: Number(revision),
    until: Number(until),
    isFinal: kind === 'final',
    text: (value as string).slice(envelope.length),
  };
}

/** The next revision: higher than this one, and than all revisions made before now. */
export function nextRevision(revision: number, now: number): number {
  return Math.max(revision + 1, Math.floor(now));
}
