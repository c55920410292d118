import { createHash } from 'node:crypto';

/**
 * A value is the record's version, of 16 characters, a colon and its text. Anything else is of somebody
 * else: its version is `?`, so that a session can be begun there.
 *
 * A client may send a command twice, as after it was redirected: what has the new version already is what
 * this very write has stored.
 */
const READ_VERSION = `
local head = redis.pcall('GETRANGE', KEYS[1], 0, 16)
if head == '' then return 'gone' end
local version = '?'
if type(head) == 'string' and #head == 17 and string.sub(head, 17) == ':' then
  version = string.sub(head, 1, 16)
end
`;

/** Reads a value, and the milliseconds of its life. */
export const READ = script<[value: string, milliseconds: number] | null>(`
local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' then return value end
return {value, redis.call('PTTL', KEYS[1])}
`);

/** ARGV: the version that was read, the new one, the new value, seconds. */
export const UPDATE = script<'stored' | 'changed' | 'gone'>(`${READ_VERSION}
if version == ARGV[2] then return 'stored' end
if version ~= ARGV[1] then return 'changed' end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
return 'stored'
`);

/** ARGV: the version that was read, the channel to tell of it, or nothing, and who does it. */
export const REMOVE = script<'removed' | 'changed' | 'gone'>(`${READ_VERSION}
if version ~= ARGV[1] then return 'changed' end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3] .. KEYS[1]) end
return 'removed'
`);

/** A script, and the digest that the server knows it by. */
export interface RedisScript<Reply> {
  readonly text: string;
  readonly sha: string;
  /** Only for the types: what it answers. */
  readonly reply?: Reply;
}

function script<Reply>(text: string): RedisScript<Reply> {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
