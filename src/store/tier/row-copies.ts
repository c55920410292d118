import type { SessionCopies } from './copies.js';
import { lifeOfCopy, lifeOfTombstone, newestOf, type CopySettings } from './copy-life.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './record.js';

/** What is kept of one session in a table: rows that keep their newest version. */
export interface CopyRows {
  /** Those of these keys that there are. `left`: milliseconds of their lives. */
  readRows(keys: readonly string[]): Promise<{ key: string; data: string; left: number }[]>;
  /** Unless there is a row with a later version, by its characters. */
  writeRow(key: string, version: string, data: string, milliseconds: number): Promise<void>;
  deleteRow(key: string): Promise<void>;
}

const COPY = '.copy';
const MOVED = '.moved';
const ENDED = '.ended';

/** Digits of a revision, so that their order is that of their characters. */
const DIGITS = 16;

/**
 * Copies in a table of a database. Its clock alone says how long a copy has to live, and it refuses a late
 * write, so that writes may arrive in any order.
 */
export class RowCopies implements SessionCopies {
  constructor(
    private readonly rows: CopyRows,
    private readonly settings: CopySettings,
  ) {}

  async read(key: string): Promise<TieredRecord | undefined> {
    const rows = await this.rows.readRows([key + ENDED, key + MOVED, key + COPY]);
    const rowOf = (kind: string) => rows.find((row) => row.key === key + kind);
    if (rowOf(ENDED)) return undefined;
    const moved = decodeTiered(rowOf(MOVED)?.data);
    const copy = this.copyIn(rowOf(COPY));
    return newestOf(moved, copy);
  }

  write(key: string, record: TieredRecord, outlives?: number): Promise<void> {
    const { revision, isFinal } = record;
    const version = String(revision).padStart(DIGITS, '0');
    const life = lifeOfCopy(this.settings, record, outlives);
    return this.rows.writeRow(key + (isFinal ? MOVED : COPY), version, encodeTiered(record), life);
  }

  end(key: string, outlives?: number): Promise<void> {
    return this.rows.writeRow(key + ENDED, '', 'ended', lifeOfTombstone(this.settings, outlives));
  }

  drop(key: string): Promise<void> {
    return this.rows.deleteRow(key + COPY);
  }

  /** Its deadline by the clock of this process: that of the one that wrote it may be another. */
  private copyIn(row: { data: string; left: number } | undefined): TieredRecord | undefined {
    const copy = decodeTiered(row?.data);
    return copy && { ...copy, until: Math.ceil(this.settings.now() + row!.left) };
  }
}
