import { isUtf8 } from 'node:buffer';

/** One whole reply of memcached's text protocol. */
export interface Reply {
  /** Its last line, without the line end: `END`, `STORED`, `SERVER_ERROR …`. For a meta item also `END`. */
  readonly line: string;
  /** The item that came before the line. */
  readonly item?: ReplyItem | undefined;
  /** The lines `STAT <name> <value>` that came before it. */
  readonly statistics?: ReadonlyMap<string, string> | undefined;
}

/** An item of memcached, stored by this package or by another client. */
export interface ReplyItem {
  readonly key: string;
  /** `undefined`: it is longer than `MAX_VALUE_BYTES`, or not UTF-8. */
  readonly text: string | undefined;
  /** Its version for `cas`; absent if the command did not request it. */
  readonly version: string | undefined;
  /** Seconds that it has to live, absent unless asked for, or if it lives for ever. */
  readonly secondsLeft?: number | undefined;
}

/**
 * The received bytes are not a reply, or not a reply to the command that was sent: the connection is out of
 * step, or the server is not memcached. The message names the problem, but never quotes received bytes.
 */
export class MalformedReplyError extends Error {
  constructor(problem: string) {
    super(`memcached sent ${problem}, so the connection was closed`);
  }
}

/** Bytes of the longest line in the protocol: keys have up to 250, error messages a few hundred. */
const MAX_LINE = 2048;

/** The most statistics in one reply. memcached sends fewer than a hundred of each kind. */
const MAX_STATISTICS = 1000;

/** The bytes of a larger value are skipped. By default, memcached's limit is 1 MiB. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024;

/** The largest item size that can be set in memcached (`-I 1g`). */
const MAX_ITEM_BYTES = 1024 * 1024 * 1024;

const CR = 13;
const LF = 10;
const LINE_END = '\r\n';

/**
 * Divides a stream of bytes into replies. Values are not copied, except one that arrives in several chunks,
 * which is concatenated once.
 *
 * Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
export class ReplyParser {
  /** The incomplete line, or incomplete line end of a value, at the end of the last chunk. */
  private rest: Buffer | undefined;
  private item: ReplyItem | undefined;
  private statistics: Map<string, string> | undefined;
  /** Of the value that is being received. */
  private header: Omit<ReplyItem, 'text'> | undefined;
  /** In the meta protocol an item is the whole reply; in the classic protocol `END` follows it. */
  private isMeta = false;
  private valueBytes = 0;
  private received = 0;
  private parts: Buffer[] = [];

  constructor(private readonly onReply: (reply: Reply) => void) {}

  /** @throws MalformedReplyError, or an error of `onReply`; the parser must not be used after that */
  read(chunk: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    this.rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      const next = this.header ? this.readValue(bytes, at) : this.readLine(bytes, at);
      if (next === undefined) break;
      at = next;
    }
  }

  /** Returns where the line ends; `undefined`: not in these bytes. */
  private readLine(bytes: Buffer, start: number): number | undefined {
    const end = bytes.indexOf(LF, start);
    if ((end < 0 ? bytes.length : end) - start > MAX_LINE) {
      throw new MalformedReplyError('a line of more bytes than any reply has');
    }
    if (end < 0) {
      this.rest = bytes.subarray(start);
      return undefined;
    }
    if (end === start || bytes[end - 1] !== CR) {
      throw new MalformedReplyError('a line that does not end as the protocol says');
    }
    this.takeLine(bytes.toString('latin1', start, end - 1));
    return end + 1;
  }

  private takeLine(line: string): void {
    if (line.startsWith('VA ')) this.beginMetaValue(line);
    else if (line.startsWith('VALUE ') || line.startsWith('CONFIG ')) this.beginValue(line);
    else if (line.startsWith('STAT ')) this.addStatistic(line);
    else this.finish(line);
  }

  /** `VALUE <key> <flags> <bytes> [<version>]`. The flags are ignored: other clients use them. */
  private beginValue(line: string): void {
    const [, key, flags, size, version, ...more] = line.split(' ');
    if (!key || !isNumber(flags) || more.length > 0) {
      throw new MalformedReplyError('an item without a proper length');
    }
    this.beginBlock(key, size, version);
  }

  /** `VA <bytes> <flags>`, with the flags `k<key>` and `c<version>`; others are ignored. */
  private beginMetaValue(line: string): void {
    const parts = line.split(' ');
    let key: string | undefined;
    let version: string | undefined;
    let left: string | undefined;
    for (let at = 2; at < parts.length; at++) {
      const flag = parts[at]!;
      if (flag.startsWith('k')) key ??= flag.slice(1);
      else if (flag.startsWith('c')) version ??= flag.slice(1);
      else if (flag.startsWith('t')) left ??= flag.slice(1);
    }
    this.beginBlock(key, parts[1], version, isNumber(left) ? Number(left) : undefined);
    this.isMeta = true;
  }

  private beginBlock(
    key: string | undefined,
    size: string | undefined,
    version: string | undefined,
    secondsLeft?: number,
  ): void {
    if (!key || !isNumber(size) || Number(size) > MAX_ITEM_BYTES) {
      throw new MalformedReplyError('an item without a proper length');
    }
    if (version !== undefined && !isNumber(version)) {
      throw new MalformedReplyError('an item without a proper version');
    }
    if (this.item) throw new MalformedReplyError('several items for one key');
    this.valueBytes = Number(size);
    this.header = { key, version, secondsLeft };
    this.received = 0;
  }

  private addStatistic(line: string): void {
    this.statistics ??= new Map();
    const [, name, value] = /^STAT (\S+) ?(.*)$/.exec(line) ?? [];
    if (name === undefined || this.statistics.size === MAX_STATISTICS) {
      throw new MalformedReplyError('statistics without an end');
    }
    this.statistics.set(name, value!);
  }

  private readValue(bytes: Buffer, start: number): number | undefined {
    const missing = this.valueBytes - this.received;
    const available = bytes.length - start;
    if (available < missing) {
      if (this.valueBytes <= MAX_VALUE_BYTES) this.parts.push(bytes.subarray(start));
      this.received += available;
      return undefined;
    }
    const end = start + missing;
    if (available < missing + LINE_END.length) {
      // The value is complete, but its line end is not.
      if (this.valueBytes <= MAX_VALUE_BYTES) this.parts.push(bytes.subarray(start, end));
      this.received = this.valueBytes;
      if (end < bytes.length) this.rest = bytes.subarray(end);
      return undefined;
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF) {
      throw new MalformedReplyError('an item that is longer than its length');
    }
    const { key, version, secondsLeft } = this.header!;
    this.item = { key, version, secondsLeft, text: this.textOf(bytes, start, end) };
    this.header = undefined;
    if (this.parts.length > 0) this.parts = [];
    if (this.isMeta) this.finish('END');
    return end + LINE_END.length;
  }

  private textOf(bytes: Buffer, start: number, end: number): string | undefined {
    if (this.valueBytes > MAX_VALUE_BYTES) return undefined;
    const value = bytes.subarray(start, end);
    const whole = this.parts.length === 0 ? value : Buffer.concat([...this.parts, value]);
    // Checking first is much faster than decoding bytes that are not UTF-8.
    return isUtf8(whole) ? whole.toString('utf8') : undefined;
  }

  private finish(line: string): void {
    const { item, statistics } = this;
    if ((item ?? statistics) && line !== 'END') {
      throw new MalformedReplyError('an item or statistics without an end');
    }
    this.item = undefined;
    this.statistics = undefined;
    this.isMeta = false;
    this.onReply({ line, item, statistics });
  }
}

/** Up to 20 digits, as in the version of an item. */
function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,20}$/.test(text);
}
