import type { Reply } from '../../../src/store/memcached/reply-parser.js';
import type { Choices } from '../choices.js';
import { textOf } from './grammar.js';

/** A reply as memcached writes it, and what is to be made of it. */
export interface SentReply {
  readonly bytes: Buffer;
  readonly reply: Reply;
}

/** What the protocol is made of, and what others take for parts of it. */
const PIECES = [
  ...[
    '\r\n',
    'END\r\n',
    'VALUE a 0 3\r\n',
    'VA 3 ka\r\n',
    'EN\r\n',
    'STAT a b\r\n',
    'STORED\r\n',
    'CONFIG a 0 1\r\n',
  ],
  ...[
    '\r',
    '\n',
    ' ',
    '\0',
    '-1',
    '0',
    '9',
    '99999999999999999999',
    '1073741825',
    'x'.repeat(2050),
  ],
].map((text) => Buffer.from(text, 'latin1'));

/** Characters of one to four bytes, parts of such, and a byte that no character has. */
const CHARACTERS = ['a', '\u0000', '\r\n', 'é', '€', '😀', '\ufeff'].map((text) =>
  Buffer.from(text),
);
const BROKEN = [[0xff], [0xe2, 0x82], [0xf0], [0xc0, 0x80], [0xed, 0xa0, 0x80]].map((bytes) =>
  Buffer.from(bytes),
);

const LINES = [
  ...['END', 'STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND', 'DELETED', 'VERSION 1.6.18', 'ERROR'],
  ...['SERVER_ERROR out of memory storing object', 'CLIENT_ERROR bad data chunk', ''],
  ...['EN', 'HD', 'VA', 'VALUE'],
];
const NUMBERS = ['0', '1', '42', '4294967295', '18446744073709551615', '00000000000000000001'];

/** The longest line, without its end. */
const LONGEST_LINE = 2047;

export function someReply(choices: Choices): SentReply {
  switch (choices.below(8)) {
    case 3:
    case 4:
      return metaItem(choices);
    case 0:
      return lineReply(choices.of(LINES));
    case 1:
      return statistics(choices);
    case 2:
      return lineReply(strangeLine(choices));
    default:
      return item(choices);
  }
}

function item(choices: Choices): SentReply {
  const verb = choices.of(['VALUE', 'VALUE', 'VALUE', 'CONFIG']);
  const key = choices.of(['a', 'sess:b', 'k'.repeat(250), '\xe9', 'VALUE', 'a\tb', '0']);
  const version = choices.of([undefined, ...NUMBERS]);
  const value = someValue(choices);
  const more = version === undefined ? '' : ` ${version}`;
  const line = `${verb} ${key} ${choices.of(NUMBERS)} ${value.length}${more}`;
  return {
    bytes: Buffer.concat([lineOf(line), value, Buffer.from('\r\nEND\r\n')]),
    reply: {
      line: 'END',
      item: { key, text: textOf(value), version },
      statistics: undefined,
    },
  };
}

function metaItem(choices: Choices): SentReply {
  const key = choices.of(['a', 'sess:b', 'k'.repeat(250), 'c1', 'VA']);
  const version = choices.of([undefined, ...NUMBERS]);
  const value = someValue(choices);
  const others = choices.of(['', ' W', ' s12 t-1', ' Oc12', ' f0 h0', ' ']);
  const line = `VA ${value.length} k${key}${version === undefined ? '' : ` c${version}`}${others}`;
  return {
    bytes: Buffer.concat([lineOf(line), value, Buffer.from('\r\n')]),
    reply: {
      line: 'END',
      item: { key, text: textOf(value), version },
      statistics: undefined,
    },
  };
}

function someValue(choices: Choices): Buffer {
  switch (choices.below(8)) {
    case 0:
      return Buffer.alloc(choices.below(256), 'v');
    case 1:
      return Buffer.alloc(choices.below(choices.oneIn(8) ? 65_536 : 512), '€');
    case 2:
      return Buffer.from(choices.list(20, () => choices.below(256)));
    case 3:
      return Buffer.concat(choices.list(4, () => choices.of(PIECES)));
    default:
      return Buffer.concat(
        choices.list(12, () => choices.of(choices.oneIn(4) ? BROKEN : CHARACTERS)),
      );
  }
}

function statistics(choices: Choices): SentReply {
  const pairs = choices.list(5, () => [
    choices.of(['pid', 'item_size_max', 'x'.repeat(200)]),
    choices.of(['1', '', ' ', 'a b', 'STAT c d', 'é']),
  ]);
  const lines = pairs.map(([name, value]) => lineOf(`STAT ${name} ${value}`));
  return {
    bytes: Buffer.concat([...lines, lineOf('END')]),
    reply: {
      line: 'END',
      item: undefined,
      statistics: pairs.length > 0 ? new Map(pairs as [string, string][]) : undefined,
    },
  };
}

/** Of any bytes but a line feed, and no longer than a line may be. */
function strangeLine(choices: Choices): string {
  const line = choices.of([
    ...[
      'VALUE',
      'STAT',
      'CONFIG',
      'value a 0 3',
      '\r',
      'STORED\r',
      ' END',
      'x'.repeat(LONGEST_LINE),
    ],
    String.fromCharCode(...choices.list(12, () => choices.below(256))),
  ]);
  return /^(VALUE|VA|STAT|CONFIG) |\n/.test(line) ? 'END' : line;
}

function lineReply(line: string): SentReply {
  return { bytes: lineOf(line), reply: { line, item: undefined, statistics: undefined } };
}

function lineOf(text: string): Buffer {
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/** The same bytes in parts, of which some may be empty. */
export function cut(bytes: Buffer, choices: Choices): Buffer[] {
  const how = choices.below(8);
  if (how === 0) return [bytes];
  // As TCP may do, though it hardly ever does.
  if (how === 1 && bytes.length < 4096) return Array.from(bytes, (byte) => Buffer.from([byte]));
  const size = how === 2 ? 1 + choices.below(16) : 0;
  const places =
    size > 0 && bytes.length < 4096
      ? Array.from({ length: Math.floor(bytes.length / size) }, (_one, index) => index * size)
      : choices.list(8, () => choices.below(bytes.length + 1)).sort((a, b) => a - b);
  const ends = [...places, bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** What is left of the bytes once something went wrong with them. */
export function garble(bytes: Buffer, choices: Choices): Buffer {
  let garbled = bytes;
  const times = 1 + choices.below(3);
  for (let time = 0; time < times; time++) garbled = garbleOnce(garbled, choices);
  return garbled;
}

function garbleOnce(bytes: Buffer, choices: Choices): Buffer {
  const at = choices.below(bytes.length + 1);
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
  const length = choices.of([1, 2, 3, 8, 40]);
  switch (choices.below(7)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, behind.subarray(length)]);
    case 2:
      return Buffer.concat([before, behind.subarray(0, length), behind]);
    case 3:
      return Buffer.concat([before, choices.of(PIECES), behind]);
    case 4:
      return Buffer.concat([before, choices.of(PIECES), behind.subarray(length)]);
    case 5:
      return Buffer.concat([behind, before]);
    default:
      return Buffer.concat([before, Buffer.from([choices.below(256)]), behind.subarray(1)]);
  }
}
