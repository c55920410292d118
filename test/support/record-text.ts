import { crc32 } from 'node:zlib';

/** A text as the store could hold it, its checksum right, whatever it says. */
export function textWithChecksum(storeKey: string, rest: string): string {
  return crc32(rest, crc32(storeKey)).toString(16).padStart(8, '0') + rest;
}
