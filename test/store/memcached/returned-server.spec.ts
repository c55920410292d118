import { beforeEach, describe, expect, it } from '@jest/globals';

import { emptyUnlessNew } from '../../../src/store/memcached/returned-server.js';

const EMPTIED = 'nestjs-session-manager:emptied';
/** What the server's clock says, in seconds. */
const NOW = 1_000_000;

describe('a server that is back after 60 seconds', () => {
  let sent: string[];
  let uptime: number;
  let marker: number | undefined;
  let canBeEmptied: boolean;
  let isBeingEmptied: boolean;
  let onLock: () => void;
  let onFlush: () => void;

  beforeEach(() => {
    sent = [];
    uptime = 86_400;
    marker = undefined;
    canBeEmptied = true;
    isBeingEmptied = false;
    onLock = () => undefined;
    onFlush = () => undefined;
  });

  const replyTo = (command: string): unknown => {
    if (command === 'stats') {
      return {
        STAT: [
          ['uptime', String(uptime)],
          ['time', String(NOW)],
        ],
      };
    }
    if (command.startsWith('get ')) {
      return marker === undefined ? {} : { [EMPTIED]: { value: String(marker), casUniq: '1' } };
    }
    if (command === 'flush_all' && !canBeEmptied) throw new Error('CLIENT_ERROR not allowed');
    if (command.startsWith('add ') && isBeingEmptied) throw new Error('NOT_STORED');
    if (command.startsWith('add ')) onLock();
    if (command === 'flush_all') onFlush();
    return [/^(add|set) /.test(command) ? 'STORED' : 'OK'];
  };
  const comeBack = () =>
    emptyUnlessNew({
      health: { secondsDown: 60 },
      exchange: async (command, read) => {
        sent.push(command.trimEnd());
        return read(replyTo(command.trimEnd()));
      },
    });
  const LOCK = 'add nestjs-session-manager:emptying 0 2 1\r\n1';
  const EMPTYING = [LOCK, `get ${EMPTIED}`, 'flush_all', LOCK, `set ${EMPTIED} 0 0 7\r\n${NOW}`];

  it('is emptied, and marked as such', async () => {
    await comeBack();
    expect(sent.slice(-5)).toEqual(EMPTYING);
  });

  it('is emptied though it was so before, in another outage', async () => {
    marker = NOW - 61;
    await comeBack();
    expect(sent.slice(-5)).toEqual(EMPTYING);
  });

  it('is left alone if another process has emptied it', async () => {
    marker = NOW - 1;
    await comeBack();
    expect(sent).toEqual(['stats', `get ${EMPTIED}`]);
  });

  it('is left alone if another process has emptied it while this one looked', async () => {
    onLock = () => (marker = NOW);
    await comeBack();
    expect(sent.slice(-2)).toEqual([LOCK, `get ${EMPTIED}`]);
  });

  it('is left alone if it was restarted', async () => {
    uptime = 30;
    await comeBack();
    expect(sent).toEqual(['stats']);
  });

  it('is emptied if it was restarted at about the time when it went', async () => {
    uptime = 60;
    await comeBack();
    expect(sent.slice(-5)).toEqual(EMPTYING);
  });

  it('is not used while another process empties it', async () => {
    isBeingEmptied = true;
    await expect(comeBack()).rejects.toThrow('NOT_STORED');
    expect(sent).not.toContain('flush_all');
  });

  it('is not used if another process begins to empty it: the lock was emptied, too', async () => {
    onFlush = () => (isBeingEmptied = true);
    await expect(comeBack()).rejects.toThrow('NOT_STORED');
    expect(sent.at(-1)).toBe(LOCK);
  });

  it('is not used if it cannot be emptied', async () => {
    canBeEmptied = false;
    await expect(comeBack()).rejects.toThrow('not allowed');
  });
});
