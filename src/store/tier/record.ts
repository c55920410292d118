/** A record as the stores of a durable tier keep it, the fast one and the durable one. */
export interface TieredRecord {
  /**
   * Grows with each write, and with the time: so what is written after a restore is above whatever
   * was written before it and never reached the tier. A final record has that of the record in whose
   * place it is.
   */
  readonly revision: number;
  /** The idle deadline as the tier was told it, in milliseconds since 1970; 0: it was not. */
  readonly until: number;
  /** What was there before must never be served again. */
  readonly isFinal: boolean;
  readonly text: string;
}

/** Stands in the fast store while the tier is read, so that whoever ends the session meanwhile can tell. */
export const LEASE = 'T1 lease\n';

const ENVELOPE = /^T1 (\d{1,16}) (\d{1,16}) (live|final)\n/;

export function encodeTiered({ revision, until, isFinal, text }: TieredRecord): string {
  return `T1 ${revision} ${until} ${isFinal ? 'final' : 'live'}\n${text}`;
}

/** `undefined`: not what this module wrote. */
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

/** A revision above this one, and above all that were made before now. */
export function nextRevision(revision: number, now: number): number {
  return Math.max(revision + 1, Math.floor(now));
}
