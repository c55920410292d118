import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../src/session/session-id.js';
import { PLATFORMS } from '../support/session-app.js';
import { idOf, securityWorld, type MemcachedSecurityWorld } from './security-world.js';

describe('ids', () => {
  it('A7.2.3: have 43 base64url characters in canonical form, and 100,000 are all different', () => {
    const ids = Array.from({ length: 100_000 }, newSessionId);
    expect(new Set(ids).size).toBe(ids.length);
    const bent = ids.find((id) => id.length !== 43 || canonical(id) !== id);
    expect(bent).toBeUndefined();
  });
});

function canonical(id: string): string {
  return Buffer.from(id, 'base64url').toString('base64url');
}

describe.each(PLATFORMS)('ids, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({ platform });
  });

  afterAll(() => world.close());

  it('A7.2.1: in the query, the body, the path or another header are ignored', async () => {
    const id = idOf(await world.visitorWith('Ada'));
    const stranger = world.visitor();
    const commands = await world.commandsOf(async () => {
      const answers = [
        await stranger.get(`/read?SID=${id}&sid=${id}&sessionId=${id}`),
        await stranger.post('/read', { SID: id, session: id }),
        await stranger.post('/read', new URLSearchParams({ SID: id })),
        await stranger.get('/read', { headers: { SID: id, 'X-Session-Id': id } }),
        await stranger.get('/read', { headers: { Authorization: `Bearer ${id}` } }),
        await stranger.get('/read', { headers: { Cookie2: `SID=${id}` } }),
      ];
      expect(answers.map(({ body }) => body)).toEqual(answers.map(() => '{}'));
      expect((await stranger.get(`/read;SID=${id}`)).body).not.toContain('Ada');
    });
    expect(commands).toEqual([]);
  });

  it('A15.4.1: of 1,000 interleaved requests each give their own session', async () => {
    const marks = Array.from({ length: 50 }, (_, n) => `mark ${n}`);
    const visitors = await Promise.all(marks.map((mark) => world.visitorWith(mark)));
    const answers: { index: number; mark: unknown }[] = [];
    // The backlog of a listening socket is limited: the next connection comes when one is answered.
    const rest = Array.from({ length: 1_000 }, (_, n) => (n * 7) % visitors.length);
    const ask = async (): Promise<void> => {
      for (let index = rest.pop(); index !== undefined; index = rest.pop()) {
        const { json } = await visitors[index]!.get('/read');
        answers.push({ index, mark: json.mark });
      }
    };
    await Promise.all(Array.from({ length: 100 }, ask));
    expect(answers).toHaveLength(1_000);
    expect(answers.filter(({ index, mark }) => mark !== marks[index])).toEqual([]);
    expect(new Set(answers.map(({ index }) => index)).size).toBe(50);
  });
});
