import { createHash } from 'node:crypto';

/**
 * A value consists of the record's version of 16 characters, a colon, and the record's text. Any other value
 * was stored by other software. Its version is `?`, so that a session can replace it.
 *
 * A client may send a command twice, for example after a redirection. A value that already has the new
 * version was therefore stored by the same write.
 */
const READ_VERSION = `
local head = redis.pcall('GETRANGE', KEYS[1], 0, 16)
if head == '' then return 'gone' end
local version = '?'
if type(head) == 'string' and #head == 17 and string.sub(head, 17) == ':' then
  version = string.sub(head, 1, 16)
end
`;

/** Reads a value and its remaining life in milliseconds. */
export const READ = script<[value: string, milliseconds: number] | null>(`
local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' then return value end
return {value, redis.call('PTTL', KEYS[1])}
`);

/** ARGV: the version that was read, the new version, the new value, the life in seconds. */
export const UPDATE = script<'stored' | 'changed' | 'gone'>(`${READ_VERSION}
if version == ARGV[2] then return 'stored' end
if version ~= ARGV[1] then return 'changed' end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
return 'stored'
`);

/** ARGV: the version that was read, the channel to publish on or an empty string, the id of this process. */
export const REMOVE = script<'removed' | 'changed' | 'gone'>(`${READ_VERSION}
if version ~= ARGV[1] then return 'changed' end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3] .. KEYS[1]) end
return 'removed'
`);

/** A script, and the digest by which the server caches it. */
export interface RedisScript<Reply> {
  readonly text: string;
  readonly sha: string;
  /** The type of its reply. Never set. */
  readonly reply?: Reply;
}

function script<Reply>(text: string): RedisScript<Reply> {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
