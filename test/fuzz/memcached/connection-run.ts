import { RecordRefused } from '../../../src/store/atomic-record.js';
import {
  authenticate,
  MemcachedError,
  metaRead,
  read,
  store,
} from '../../../src/store/memcached/commands.js';
import { Connection, type Command, type Dialer } from '../../../src/store/memcached/connection.js';
import { MalformedReplyError, type ReplyItem } from '../../../src/store/memcached/reply-parser.js';
import type { Answer } from './answering.js';
import { lifeOf, ModelMemcached } from './model-memcached.js';
import type { Operation, Program } from './program.js';

/** How an operation has ended, in memcached's words; `lost`: it is unknown. */
export interface Ending {
  readonly outcome: string;
  readonly error: unknown;
  readonly begunAt: number;
  readonly endedAt: number;
}

/** What a connection reported to its observer, and when. */
export class Told {
  /** The server has proved that it is there. */
  readonly signsOfLife: number[] = [];
  /** It has refused something, or was lost. */
  readonly failures: number[] = [];
  lossesInARow = 0;

  constructor(private readonly isDownAfter: number) {}

  get isDown(): boolean {
    return this.isDownAfter > 0 && this.lossesInARow >= this.isDownAfter;
  }
}

const RIGHT: Answer = { how: 'right', after: 0, details: new Uint8Array() };

/** A connection that could not be made. */
const NOT_ACCEPTED = 'memcached did not accept username and password; check memcached.auth';
const REASONS = { taken: 'NOT_STORED', changed: 'EXISTS', gone: 'NOT_FOUND' };

/** A program at work on one connection. */
export class ConnectionRun {
  readonly memcached = new ModelMemcached();
  readonly operations: Operation[] = [];
  readonly endings = new Map<number, Ending>();
  readonly told: Told;
  readonly connection: Connection;
  private readonly answers: Answer[];
  private readonly versions = new Map<string, string>();

  constructor(
    private readonly program: Program,
    timeout: number,
    dialer: Dialer,
    private readonly now: () => number,
  ) {
    this.answers = [...program.answers];
    const told = new Told(program.isDownAfter);
    this.told = told;
    this.connection = new Connection(dialer, timeout, {
      get isDown() {
        return told.isDown;
      },
      replied: () => {
        told.lossesInARow = 0;
        told.signsOfLife.push(now());
      },
      refused: () => void told.failures.push(now()),
      lost() {
        told.lossesInARow++;
        told.failures.push(now());
      },
    });
  }

  /** How the server answers the next command. */
  readonly nextAnswer = (): Answer => this.answers.shift() ?? RIGHT;

  get areAllEnded(): boolean {
    return this.endings.size === this.operations.length;
  }

  begin(operation: Operation): Promise<unknown> {
    const index = this.operations.push(operation) - 1;
    const begunAt = this.now();
    const end = (outcome: string, error?: unknown) =>
      this.endings.set(index, { outcome, error, begunAt, endedAt: this.now() });
    return this.connection.send(this.commandOf(operation, index)).then(
      (value) => end(this.outcomeOf(operation, value)),
      (error: unknown) => end(outcomeOfError(error), error),
    );
  }

  private commandOf({ verb, key, text, isCurrent }: Operation, index: number): Command<unknown> {
    const life = lifeOf(index);
    const version = isCurrent ? (this.versions.get(key) ?? '0') : '99';
    switch (verb) {
      case 'find':
        return this.program.speaksMeta ? metaRead(key, life) : read('gats', key, life);
      case 'create':
        return store('add', key, valueOf(key, index, text), life);
      case 'update':
        return store('cas', key, valueOf(key, index, text), life, version);
      default:
        return store('cas', key, '', -life, version);
    }
  }

  private outcomeOf({ verb, key }: Operation, value: unknown): string {
    if (verb !== 'find') return value === undefined ? 'STORED' : 'a value of a write';
    const item = value as ReplyItem | undefined;
    if (!item) return 'END';
    this.versions.set(key, item.version!);
    return `${item.version} ${item.text}`;
  }
}

/** What each connection has to begin with. */
export function greetingOf({ hasGreeting }: Program): Command<unknown> | undefined {
  return hasGreeting ? authenticate({ username: 'name', password: 'password' }) : undefined;
}

/** Each value names its key, and is stored by one operation. */
function valueOf(key: string, index: number, text: string): string {
  return `${key} of ${index} ${text}`;
}

function outcomeOfError(error: unknown): string {
  if (error instanceof RecordRefused) return REASONS[error.reason];
  if (error instanceof MemcachedError && error.message !== NOT_ACCEPTED) return error.message;
  return error instanceof MalformedReplyError ? 'malformed' : 'lost';
}
