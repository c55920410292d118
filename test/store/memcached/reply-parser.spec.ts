import { describe, expect, it } from '@jest/globals';

import {
  MalformedReplyError,
  MAX_VALUE_BYTES,
  ReplyParser,
  type Reply,
} from '../../../src/store/memcached/reply-parser.js';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8');

function parse(chunks: readonly Buffer[]): Reply[] {
  const replies: Reply[] = [];
  const parser = new ReplyParser((reply) => replies.push(reply));
  for (const chunk of chunks) parser.read(chunk);
  return replies;
}

/** The error, and how many replies came before it. */
function parseWrong(chunks: readonly Buffer[]): [unknown, number] {
  let replies = 0;
  const parser = new ReplyParser(() => replies++);
  try {
    for (const chunk of chunks) parser.read(chunk);
  } catch (error) {
    return [error, replies];
  }
  throw new Error('it was taken for a reply');
}

const item = (key: string, text: string | undefined, version?: string) => ({ key, text, version });

/** A value that looks like replies, and ends within no character. */
const TRICKY = 'END\r\nSTORED\r\n\r\nVALUE a 0 1\r\nx€';
const NODES = '12\na.example|10.0.0.1|11211 b.example||11211\n\n';

/** Each kind of reply, and what it is. */
const REPLIES: [string, Reply][] = [
  ['STORED\r\n', { line: 'STORED' }],
  ['END\r\n', { line: 'END' }],
  ['VERSION 1.6.18\r\n', { line: 'VERSION 1.6.18' }],
  ['SERVER_ERROR out of memory\r\n', { line: 'SERVER_ERROR out of memory' }],
  ['VALUE a 0 5\r\nhello\r\nEND\r\n', { line: 'END', item: item('a', 'hello') }],
  ['VALUE a 0 5 42\r\nhello\r\nEND\r\n', { line: 'END', item: item('a', 'hello', '42') }],
  ['VALUE a 4294967295 0 1\r\n\r\nEND\r\n', { line: 'END', item: item('a', '', '1') }],
  [
    `VALUE a 0 ${Buffer.byteLength(TRICKY)} 18446744073709551615\r\n${TRICKY}\r\nEND\r\n`,
    { line: 'END', item: item('a', TRICKY, '18446744073709551615') },
  ],
  [
    'STAT cas_enabled yes\r\nSTAT inter \r\nSTAT path /a b c\r\nEND\r\n',
    {
      line: 'END',
      statistics: new Map([
        ['cas_enabled', 'yes'],
        ['inter', ''],
        ['path', '/a b c'],
      ]),
    },
  ],
  [
    `CONFIG cluster 0 ${NODES.length}\r\n${NODES}\r\nEND\r\n`,
    { line: 'END', item: item('cluster', NODES) },
  ],
];

describe('a reply', () => {
  it.each(REPLIES)('is parsed: %j', (text, reply) => {
    expect(parse([bytesOf(text)])).toEqual([{ item: undefined, statistics: undefined, ...reply }]);
  });

  it.each(REPLIES)('is not complete before its last byte: %j', (text) => {
    const bytes = bytesOf(text);
    for (let end = 0; end < bytes.length; end++) {
      expect(parse([bytes.subarray(0, end)])).toEqual([]);
    }
  });
});

describe('a sequence of all replies', () => {
  const all = bytesOf(REPLIES.map(([text]) => text).join(''));
  const expected = REPLIES.map(([, reply]) => reply);

  it('is parsed in order', () => {
    expect(parse([all])).toEqual(expected);
  });

  it('is the same cut in two at any byte', () => {
    for (let cut = 0; cut <= all.length; cut++) {
      expect(parse([all.subarray(0, cut), all.subarray(cut)])).toEqual(expected);
    }
  });

  it.each([1, 2, 3, 5, 7, 11, 64])('is the same in chunks of %d bytes', (size) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < all.length; at += size) pieces.push(all.subarray(at, at + size));
    expect(parse(pieces)).toEqual(expected);
  });

  it('is the same with empty chunks in between', () => {
    const none = Buffer.alloc(0);
    expect(parse([none, all.subarray(0, 40), none, none, all.subarray(40), none])).toEqual(
      expected,
    );
  });
});

/** What no memcached sends. `SECRET` marks what must not be passed on. */
const WRONG: [string, string, RegExp][] = [
  ['a line end without CR', 'STORED SECRET\n', /a line that does not end/],
  ['a bare LF', '\n', /a line that does not end/],
  ['a CR too many in an empty line', 'END\r\n\n', /a line that does not end/],
  ['no key', 'VALUE  0 5\r\nSECRE\r\nEND\r\n', /without a proper length/],
  ['no length', 'VALUE SECRET 0\r\n', /without a proper length/],
  ['a length that is a word', 'VALUE SECRET 0 many\r\n', /without a proper length/],
  ['a negative length', 'VALUE SECRET 0 -5\r\n', /without a proper length/],
  ['a fraction of a length', 'VALUE SECRET 0 5.5\r\n', /without a proper length/],
  ['a length in hex', 'VALUE SECRET 0 0x5\r\n', /without a proper length/],
  ['a length with an exponent', 'VALUE SECRET 0 1e3\r\n', /without a proper length/],
  ['a length beyond any item', 'VALUE SECRET 0 1073741825\r\n', /without a proper length/],
  ['a length of 20 digits', `VALUE SECRET 0 ${'9'.repeat(20)}\r\n`, /without a proper length/],
  ['a length of 21 digits', `VALUE SECRET 0 ${'0'.repeat(21)}\r\n`, /without a proper length/],
  ['flags that are a word', 'VALUE SECRET flags 5\r\n', /without a proper length/],
  ['two blanks', 'VALUE SECRET 0  5\r\n', /without a proper length/],
  ['a version that is a word', 'VALUE SECRET 0 5 new\r\n', /without a proper version/],
  ['a version of 21 digits', `VALUE a 0 5 ${'1'.repeat(21)}\r\n`, /without a proper version/],
  ['an empty version', 'VALUE SECRET 0 5 \r\n', /without a proper version/],
  ['a word behind the version', 'VALUE SECRET 0 5 1 SECRET\r\n', /without a proper length/],
  ['a value longer than its length', 'VALUE a 0 2\r\nSECRET\r\nEND\r\n', /longer than its length/],
  ['a value without its line end', 'VALUE a 0 6\r\nSECRETEND\r\n', /longer than its length/],
  ['a value with a bare LF', 'VALUE a 0 6\r\nSECRET\nEND\r\n', /longer than its length/],
  ['a value with LF CR', 'VALUE a 0 6\r\nSECRET\n\rEND\r\n', /longer than its length/],
  [
    'two items',
    'VALUE a 0 6\r\nSECRET\r\nVALUE b 0 6\r\nSECRET\r\nEND\r\n',
    /several items for one key/,
  ],
  ['an item without END', 'VALUE a 0 6\r\nSECRET\r\nSTORED\r\n', /without an end/],
  ['an item, then an error', 'VALUE a 0 6\r\nSECRET\r\nSERVER_ERROR x\r\n', /without an end/],
  ['statistics without END', 'STAT SECRET 1\r\nOK\r\n', /without an end/],
  ['a statistic without a name', 'STAT  SECRET\r\n', /statistics/],
  ['a line of 2049 bytes', `${'S'.repeat(2048)}\r\n`, /a line of more bytes/],
  ['a line that never ends', 'SECRET'.repeat(400), /a line of more bytes/],
  [
    'statistics that never end',
    Array.from({ length: 1001 }, (_, n) => `STAT SECRET${n} 1\r\n`).join(''),
    /statistics without an end/,
  ],
];

describe('bytes that are not a reply', () => {
  it.each(WRONG)('are refused without being quoted: %s', (_what, text, problem) => {
    const [error] = parseWrong([bytesOf(text)]);
    expect(error).toBeInstanceOf(MalformedReplyError);
    const { message } = error as Error;
    expect(message).toMatch(problem);
    expect(message).toMatch(/^memcached sent .*, so the connection was closed$/);
    expect(message).not.toMatch(/SECR|SSS/);
  });

  it.each(WRONG)('are also refused byte by byte: %s', (_what, text, problem) => {
    const [error] = parseWrong(Array.from(bytesOf(text), (byte) => Buffer.of(byte)));
    expect((error as Error).message).toMatch(problem);
  });

  it('are refused after valid replies, which count', () => {
    const [error, replies] = parseWrong([bytesOf('STORED\r\nEND\r\nSTORED\n')]);
    expect(error).toBeInstanceOf(MalformedReplyError);
    expect(replies).toBe(2);
  });

  it('of another protocol end in an error or in a line that no command expects', () => {
    expect(parse([bytesOf('HTTP/1.1 400 Bad Request\r\n')])).toMatchObject([
      { line: 'HTTP/1.1 400 Bad Request' },
    ]);
    expect(parseWrong([Buffer.of(0x15, 3, 3, 0, 2, 2, 80, 10)])[0]).toBeInstanceOf(Error);
  });
});

describe('a line', () => {
  it('may have 2048 bytes', () => {
    const line = 'x'.repeat(2047); // and a CR
    expect(parse([bytesOf(`${line}\r\n`)])).toMatchObject([{ line }]);
  });

  it('is decoded as latin1, as keys of other clients may be', () => {
    expect(parse([Buffer.from('ERROR \xff\xfe\r\n', 'latin1')])).toMatchObject([
      { line: 'ERROR \xff\xfe' },
    ]);
  });
});

describe('a large value', () => {
  const inPieces = (header: string, size: number, piece: Buffer) => {
    const replies: Reply[] = [];
    const parser = new ReplyParser((reply) => replies.push(reply));
    parser.read(bytesOf(header));
    for (let left = size; left > 0; left -= piece.length) {
      parser.read(left < piece.length ? piece.subarray(0, left) : piece);
    }
    parser.read(bytesOf('\r\nEND\r\nSTORED\r\n'));
    return replies;
  };
  const PIECE = Buffer.alloc(65_536, 'x');

  it('is joined from all its chunks, also within a character', () => {
    const text = '€ä😀'.repeat(100_000);
    const bytes = bytesOf(text);
    const pieces = [bytesOf(`VALUE a 0 ${bytes.length} 7\r\n`)];
    for (let at = 0; at < bytes.length; at += 1009) pieces.push(bytes.subarray(at, at + 1009));
    const [reply] = parse([...pieces, bytesOf('\r\nEND\r\n')]);
    expect(reply!.item!.text === text).toBe(true);
  });

  it('of the largest size is kept', () => {
    const replies = inPieces(`VALUE a 0 ${MAX_VALUE_BYTES} 7\r\n`, MAX_VALUE_BYTES, PIECE);
    expect(replies[0]!.item!.text).toHaveLength(MAX_VALUE_BYTES);
    expect(replies[1]).toMatchObject({ line: 'STORED' });
  });

  it.each([MAX_VALUE_BYTES + 1, 1024 * 1024 * 1024])(
    'of %d bytes is skipped without keeping memory, and the next reply is read',
    (size) => {
      const before = process.memoryUsage().arrayBuffers;
      const replies = inPieces(`VALUE a 0 ${size} 7\r\n`, size, PIECE);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
      expect(replies).toMatchObject([
        { line: 'END', item: item('a', undefined, '7') },
        { line: 'STORED' },
      ]);
    },
  );

  it('needs no memory before its bytes arrive', () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 100 }, () => {
      const parser = new ReplyParser(() => undefined);
      parser.read(bytesOf(`VALUE a 0 ${MAX_VALUE_BYTES} 7\r\nx`));
      return parser;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
    expect(parsers).toHaveLength(100);
  });
});

describe('the receiver of replies', () => {
  it('ends the parsing by throwing, and gets no reply after that', () => {
    const lines: string[] = [];
    const parser = new ReplyParser(({ line }) => {
      lines.push(line);
      if (line === 'EXISTS') throw new Error('stop');
    });
    expect(() => parser.read(bytesOf('STORED\r\nEXISTS\r\nSTORED\r\n'))).toThrow('stop');
    expect(lines).toEqual(['STORED', 'EXISTS']);
  });
});
