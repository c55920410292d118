import type { ProtocolUnit } from '../../support/memcached-protocol.js';

interface Item {
  readonly text: string;
  readonly version: number;
}

/**
 * What memcached does with the commands of a program. Each has a time to live of its own, by which the
 * model knows whose it is: see `lifeOf`.
 */
export class ModelMemcached {
  private readonly items = new Map<string, Item>();
  private readonly outcomes = new Map<number, string[]>();
  private versions = 0;

  /** How each execution of this operation has ended, in the words of `outcomeOf`. */
  executionsOf(operation: number): readonly string[] {
    return this.outcomes.get(operation) ?? [];
  }

  /** Answers with the bytes of the reply. */
  execute({ line, bytes }: ProtocolUnit): Buffer {
    const words = line.split(' ');
    if (words[0] === 'gats') return this.find(Number(words[1]), words[2]!);
    if (words[0] === 'mg') return this.metaFind(metaLifeOf(words), words[1]!);
    const [verb, key, , exptime, size, version] = words;
    const text = bytes.toString('utf8', bytes.length - 2 - Number(size), bytes.length - 2);
    const life = Number(exptime);
    const reply = this.refusalOf(verb!, key!, version) ?? 'STORED';
    if (reply === 'STORED' && life < 0) this.items.delete(key!);
    else if (reply === 'STORED') this.items.set(key!, { text, version: ++this.versions });
    return this.end(life, reply);
  }

  /** Says no, in words that the protocol has for it. */
  refuse({ line }: ProtocolUnit): Buffer {
    const words = line.split(' ');
    const life = words[0] === 'mg' ? metaLifeOf(words) : Number(words[words[0] === 'gats' ? 1 : 3]);
    return this.end(life, 'SERVER_ERROR out of memory');
  }

  private find(life: number, key: string): Buffer {
    const item = this.items.get(key);
    this.record(life, item ? `${item.version} ${item.text}` : 'END');
    if (!item) return Buffer.from('END\r\n');
    const size = Buffer.byteLength(item.text);
    return Buffer.from(`VALUE ${key} 0 ${size} ${item.version}\r\n${item.text}\r\nEND\r\n`);
  }

  private metaFind(life: number, key: string): Buffer {
    const item = this.items.get(key);
    this.record(life, item ? `${item.version} ${item.text}` : 'END');
    if (!item) return Buffer.from(life % 2 ? 'EN\r\n' : `EN k${key}\r\n`);
    const size = Buffer.byteLength(item.text);
    return Buffer.from(`VA ${size} k${key} c${item.version}\r\n${item.text}\r\n`);
  }

  private refusalOf(verb: string, key: string, version?: string): string | undefined {
    const item = this.items.get(key);
    if (verb === 'add') return item && 'NOT_STORED';
    if (verb !== 'cas') return undefined;
    if (!item) return 'NOT_FOUND';
    return String(item.version) === version ? undefined : 'EXISTS';
  }

  private end(life: number, reply: string): Buffer {
    this.record(life, reply);
    return Buffer.from(`${reply}\r\n`);
  }

  private record(life: number, outcome: string): void {
    const operation = operationOf(life);
    this.outcomes.set(operation, [...this.executionsOf(operation), outcome]);
  }
}

/** Of the command of an operation, so that no two commands are the same. */
export function lifeOf(operation: number): number {
  return operation + 1;
}

/** `mg <key> k c v T<life>` */
function metaLifeOf(words: readonly string[]): number {
  return Number(words[5]!.slice(1));
}

function operationOf(life: number): number {
  return Math.abs(life) - 1;
}
