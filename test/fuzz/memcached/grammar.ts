import { isUtf8 } from 'node:buffer';

import type { Reply, ReplyItem } from '../../../src/store/memcached/reply-parser.js';

/** The replies in a whole stream of bytes, and how it ends. */
export interface ReadStream {
  readonly replies: readonly Reply[];
  /** Behind the replies is what no reply begins with. */
  readonly isMalformed: boolean;
}

const LINE = /([^\n]{0,2047})\r\n/y;
const HEADER = /^(?:VALUE|CONFIG) ([^ ]+) \d{1,20} (\d{1,20})(?: (\d{1,20}))?$/;
const META = /^VA (\d{1,20})((?: [^ ]*)*)$/;
const STATISTIC = /^STAT (\S+) ?(.*)$/;
const GIBIBYTE = 2 ** 30;

/** What the parser is to make of the same bytes in parts: written for all of them at once. */
export function readStream(bytes: Buffer): ReadStream {
  const stream = bytes.toString('latin1');
  const replies: Reply[] = [];
  let item: ReplyItem | undefined;
  let statistics: Map<string, string> | undefined;
  let at = 0;
  const end = (isMalformed: boolean): ReadStream => ({ replies, isMalformed });
  for (;;) {
    LINE.lastIndex = at;
    const line = LINE.exec(stream)?.[1];
    if (line === undefined) return end(stream.includes('\n', at) || stream.length - at > 2048);
    at += line.length + 2;
    if (/^(VALUE|CONFIG) /.test(line)) {
      const [, key, size, version] = HEADER.exec(line) ?? [];
      const length = Number(size);
      if (key === undefined || length > GIBIBYTE || item) return end(true);
      const lineEnd = stream.slice(at + length, at + length + 2);
      if (lineEnd.length < 2) return end(false);
      if (lineEnd !== '\r\n') return end(true);
      item = { key, text: textOf(bytes.subarray(at, at + length)), version };
      at += length + 2;
    } else if (line.startsWith('VA ')) {
      const [, size, flags = ''] = META.exec(line) ?? [];
      const flag = (letter: string) =>
        flags
          .split(' ')
          .find((text) => text.startsWith(letter))
          ?.slice(1);
      const [key, version] = [flag('k'), flag('c')];
      const length = Number(size);
      if (!key || size === undefined || length > GIBIBYTE || item) return end(true);
      if (version !== undefined && !/^\d{1,20}$/.test(version)) return end(true);
      const lineEnd = stream.slice(at + length, at + length + 2);
      if (lineEnd.length < 2) return end(false);
      if (lineEnd !== '\r\n') return end(true);
      const text = textOf(bytes.subarray(at, at + length));
      replies.push({ line: 'END', item: { key, text, version }, statistics });
      statistics = undefined;
      at += length + 2;
    } else if (line.startsWith('STAT ')) {
      const [, name, value] = STATISTIC.exec(line) ?? [];
      if (name === undefined) return end(true);
      statistics = (statistics ?? new Map<string, string>()).set(name, value!);
    } else {
      if ((item ?? statistics) && line !== 'END') return end(true);
      replies.push({ line, item, statistics });
      item = undefined;
      statistics = undefined;
    }
  }
}

/** What is no text is read as no text. */
export function textOf(value: Buffer): string | undefined {
  return isUtf8(value) ? value.toString('utf8') : undefined;
}
