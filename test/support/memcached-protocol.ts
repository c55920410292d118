/** One command or one line of a reply, with the data block that follows it. */
export interface ProtocolUnit {
  readonly line: string;
  /** The bytes as they came, line ends and data block included. */
  readonly bytes: Buffer;
}

/** Takes memcached's text protocol apart, wherever the borders of the chunks fall. */
export class ProtocolReader {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly blockSize: (words: string[]) => number | undefined) {}

  read(chunk: Buffer): ProtocolUnit[] {
    this.rest = this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk;
    const units: ProtocolUnit[] = [];
    for (let unit = this.next(); unit; unit = this.next()) units.push(unit);
    return units;
  }

  private next(): ProtocolUnit | undefined {
    const end = this.rest.indexOf('\n') + 1;
    if (end === 0) return undefined;
    const line = this.rest.toString('latin1', 0, end).trimEnd();
    const block = this.blockSize(line.split(' '));
    const size = block !== undefined && block >= 0 ? end + block + 2 : end;
    if (this.rest.length < size) return undefined;
    const bytes = this.rest.subarray(0, size);
    this.rest = this.rest.subarray(size);
    return { line, bytes };
  }
}

const STORAGE = new Set(['add', 'append', 'cas', 'prepend', 'replace', 'set']);

export function commandReader(): ProtocolReader {
  return new ProtocolReader((words) => {
    if (STORAGE.has(words[0] ?? '')) return size(words[4]);
    return words[0] === 'ms' ? size(words[2]) : undefined;
  });
}

export function replyReader(): ProtocolReader {
  return new ProtocolReader((words) => {
    if (words[0] === 'VALUE') return size(words[3]);
    return words[0] === 'VA' ? size(words[1]) : undefined;
  });
}

/** The key a command is about; the first one of several. */
export function keyOf(line: string): string {
  const words = line.split(' ');
  switch (words[0]) {
    case 'gat':
    case 'gats':
      return words[2] ?? '';
    case 'flush_all':
    case 'mn':
    case 'quit':
    case 'stats':
    case 'verbosity':
    case 'version':
      return '';
    default:
      return words[1] ?? '';
  }
}

const LAST_LINE =
  /^(END|(NOT_)?STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|OK|RESET|BUSY|LOCKED|VERSION|((CLIENT|SERVER)_)?ERROR|\d+|VA|HD|EN|ME|MN|NF|NS|EX)( |$)/;

/** Whether nothing more comes after this unit of a reply. */
export function endsReply({ line }: ProtocolUnit): boolean {
  return LAST_LINE.test(line);
}

function size(word: string | undefined): number | undefined {
  return /^\d+$/.test(word ?? '') ? Number(word) : undefined;
}
