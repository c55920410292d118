import { describe, expect, it } from '@jest/globals';

import { textOf } from './pages.js';
import { shopOnMemcached } from './shop.js';

describe('the race', () => {
  const shop = shopOnMemcached();

  /** What the page receives; of each side the last. */
  async function run(experiment: string): Promise<Record<string, any>> {
    const headers = { accept: 'application/x-ndjson' };
    const { body } = await shop.ada.post(`/race/${experiment}`, undefined, { headers });
    const lines = body.trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => JSON.parse(line)).map((progress) => [progress.side, progress]),
    );
  }

  it('keeps all parallel writes on this side, on the memcached of the shop', async () => {
    const { own, peer } = await run('writes');
    expect(own).toMatchObject({ text: '60 of 60 kept', verdict: 'good' });
    expect(peer.text).toMatch(/^\d+ of 60 kept$/);
    expect(await shop.memcached.keys()).toContainEqual(expect.stringMatching(/^race:own:/));
    expect(await shop.memcached.keys()).toContainEqual(expect.stringMatching(/^race:peer:/));
  });

  it('leaves no user signed in after a sign-out during a slow request', async () => {
    const { own, peer } = await run('log-out');
    expect(own).toMatchObject({ text: 'signed out', verdict: 'good' });
    expect(peer.verdict).toBe('bad');
  });

  it('stops the store for both, and not for the shop', async () => {
    const running = run('outage');
    expect(await textOf(shop.ada, '/')).toContain('1 visit to this page');
    const { own, peer } = await running;
    expect(own.text).toMatch(/^with the session: 503 after \d+ ms; without: 200 after \d+ ms$/);
    expect(own.verdict).toBe('good');
    expect(peer.verdict).toBe('bad');
    expect((await run('log-out')).own.verdict).toBe('good');
  });

  it('shows on its page what the last runs came to, without a script', async () => {
    const answer = await shop.ada.post('/race/log-out');
    expect([answer.status, answer.headers.location]).toEqual([303, '/race#log-out']);
    const text = await textOf(shop.ada, '/race');
    expect(text).toContain('signed in again, by the slow request');
    expect(text).toContain('not run yet');
  });

  it('knows no other experiments, and needs no session', async () => {
    expect((await shop.ada.post('/race/constructor')).status).toBe(404);
    expect((await shop.ada.get('/race')).setCookies).toEqual([]);
  });
});
