import { afterEach, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { visitor } from '../../test/support/http-client.js';
import { startMemcached } from '../../test/support/memcached.js';
import { createApp } from '../src/create-app.js';

describe('the log', () => {
  let app: NestExpressApplication;

  afterEach(() => app.close());

  async function linesOf(...memcachedServers: string[]): Promise<string[]> {
    const lines: string[] = [];
    const log = (message: unknown) => void lines.push(String(message));
    const logger = { log, warn: log, error: log };
    app = await createApp({ port: 0, memcachedServers }, { logger });
    await app.listen(0, '127.0.0.1');
    await visitor(await app.getUrl()).get('/');
    return lines;
  }

  it('has a line for each request, without memcached where there is none', async () => {
    const lines = await linesOf();
    expect(lines).toContain('GET / → 200');
    expect(lines).toContainEqual(expect.stringContaining('in the memory of this process'));
    expect(lines).not.toContainEqual(expect.stringMatching(/^Sessions are kept in memcached/));
  });

  it('shows what each request cost memcached', async () => {
    const memcached = await startMemcached();
    const lines = await linesOf(memcached.server);
    await memcached.stop();
    expect(lines).toContain('GET / → 200, memcached: 0 read, 1 written');
    expect(lines).toContainEqual(expect.stringMatching(/^Sessions are kept in memcached/));
  });
});
