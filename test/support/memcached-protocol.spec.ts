import { describe, expect, it } from '@jest/globals';

import { commandReader, endsReply, keyOf, replyReader } from './memcached-protocol.js';

describe('the protocol readers', () => {
  const commands =
    'get a b\r\nset k 0 10 11\r\nget x\r\nab\r\n\r\nms m 2 T5\r\n\r\n\r\ncas k 0 1 0 7\r\n\r\ngats 5 g\r\n';
  const lines = ['get a b', 'set k 0 10 11', 'ms m 2 T5', 'cas k 0 1 0 7', 'gats 5 g'];

  it.each([1, 2, 3, 7, 1000])('find the commands in chunks of %i bytes', (size) => {
    const reader = commandReader();
    const units = [];
    for (let at = 0; at < commands.length; at += size) {
      units.push(...reader.read(Buffer.from(commands.slice(at, at + size))));
    }
    expect(units.map(({ line }) => line)).toEqual(lines);
    expect(Buffer.concat(units.map(({ bytes }) => bytes)).toString()).toBe(commands);
  });

  it('do not mistake a value for the end of a reply', () => {
    const units = replyReader().read(Buffer.from('VALUE k 0 5 9\r\nEND\r\n\r\nEND\r\n'));
    expect(units.map(endsReply)).toEqual([false, true]);
  });

  it.each([
    ['gats 1200 key', 'key'],
    ['get key other', 'key'],
    ['touch key 5', 'key'],
    ['mg key v t', 'key'],
    ['stats items', ''],
    ['version', ''],
  ])('find the key of `%s`', (line, key) => {
    expect(keyOf(line)).toBe(key);
  });
});
