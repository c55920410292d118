import type { SessionCopies } from './copies.js';
import { lifeOfCopy, lifeOfTombstone, newestOf, type CopySettings } from './copy-life.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './record.js';

/** Rows of a table. A write never replaces a later version. */
export interface CopyRows {
  /** Returns the existing rows of these keys. `left`: the remaining life in milliseconds. */
  readRows(keys: readonly string[]): Promise<{ key: string; data: string; left: number }[]>;
  /** Writes the row, unless it has a later version. Versions are compared as strings. */
  writeRow(key: string, version: string, data: string, milliseconds: number): Promise<void>;
  deleteRow(key: string): Promise<void>;
}

const COPY = '.copy';
const MOVED = '.moved';
const ENDED = '.ended';

/** The number of digits of a stored revision, so that revisions sort as strings. */
const DIGITS = 16;

/**
 * Copies in a database table. The database's clock alone determines how long a copy lives, and the database
 * refuses late writes, so writes may arrive in any order.
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

  /** The deadline by this process's clock, which may differ from that of the process that wrote it. */
  private copyIn(row: { data: string; left: number } | undefined): TieredRecord | undefined {
    const copy = decodeTiered(row?.data);
    return copy && { ...copy, until: Math.ceil(this.settings.now() + row!.left) };
  }
}
