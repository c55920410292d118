import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../src/session/session-id.js';
import { storeKeyOf } from './store-key.js';
import type { SessionStore } from '../../src/session/storage/store.js';
import { KEY_PREFIX, TIMEOUT, type OpenStore } from './stores.js';

/** What holds for every store, as `SessionStore` says it. */
export function describeStore(name: string, open: () => Promise<OpenStore>): void {
  describe(`sessions in ${name}`, () => {
    let opened: OpenStore;
    let store: SessionStore;
    let key: string;

    beforeAll(async () => {
      opened = await open();
      ({ store } = opened);
    }, 60_000);

    afterAll(() => opened.close());

    beforeEach(() => {
      key = storeKeyOf(newSessionId(), KEY_PREFIX);
    });

    const stored = async (text = 'first', life = TIMEOUT): Promise<string> => {
      expect(await store.create(key, text, life)).toBe('stored');
      return (await store.find(key))!.version;
    };

    describe('find', () => {
      it('answers undefined where no record is', async () => {
        expect(await store.find(key)).toBeUndefined();
      });

      it('answers the text and a version', async () => {
        await store.create(key, 'text', TIMEOUT);
        expect(await store.find(key)).toMatchObject({ text: 'text', version: expect.any(String) });
        expect(await opened.another.find(key)).toMatchObject({ text: 'text' });
      });

      it('answers the same version as long as nothing was written', async () => {
        const version = await stored();
        expect((await store.find(key))?.version).toBe(version);
        expect((await opened.another.find(key))?.version).toBe(version);
      });

      it.each([
        ['line ends', 'a\r\nEND\r\nSTORED\r\n\n'],
        ['unicode', 'ä€😀\u2028\ufeff'],
        ['quotes', `"'\\{}[]`],
        ['NUL', 'a\0b'],
        ['what looks like JSON', '{"value":null,"expires":0}'],
        ['half a megabyte', 'äx'.repeat(170_000)],
      ])('answers the text as it was: %s', async (_what, text) => {
        await store.create(key, text, TIMEOUT);
        expect((await store.find(key))?.text === text).toBe(true);
      });

      it('renews the life of a record', async () => {
        await store.create(key, 'text', 60);
        await store.find(key);
        expect(await opened.isThereAfter(key, TIMEOUT - 30)).toBe(true);
      });

      it('renews it to so many seconds, if told', async () => {
        await store.create(key, 'text', 60);
        expect(await store.find(key, TIMEOUT * 2)).toMatchObject({ text: 'text' });
        expect(await opened.isThereAfter(key, TIMEOUT + 30)).toBe(true);
      });

      it('renews it to more than a month, if told', async () => {
        const month = 30 * 24 * 60 * 60;
        await store.create(key, 'text', 60);
        await store.find(key, month * 2);
        expect(await opened.isThereAfter(key, month + 30)).toBe(true);
      });

      it('leaves its life as it is, if told 0', async () => {
        const version = await stored('text', 60);
        await store.update(key, 'text', version, 60);
        expect(await store.find(key, 0)).toMatchObject({ text: 'text' });
        expect(await opened.isThereAfter(key, 61)).toBe(false);
      });

      it('answers undefined to 0, too, where no record is', async () => {
        expect(await store.find(key, 0)).toBeUndefined();
      });

      it('tells the records of two keys apart', async () => {
        const other = storeKeyOf(newSessionId(), KEY_PREFIX);
        await Promise.all([store.create(key, 'a', 60), store.create(other, 'b', 60)]);
        const texts = (await Promise.all([store.find(key), store.find(other)])).map((r) => r?.text);
        expect(texts).toEqual(['a', 'b']);
      });
    });

    describe('create', () => {
      it('leaves a record alone that is there', async () => {
        await stored('first');
        expect(await store.create(key, 'second', TIMEOUT)).toBe('taken');
        expect(await opened.another.create(key, 'third', TIMEOUT)).toBe('taken');
        expect((await store.find(key))?.text).toBe('first');
      });

      it('has one winner of many at once', async () => {
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) => store.create(key, String(n), TIMEOUT)),
        );
        expect(results.filter((result) => result === 'stored')).toHaveLength(1);
        expect((await store.find(key))?.text).toBe(String(results.indexOf('stored')));
      });

      it('gives a record its life', async () => {
        await store.create(key, 'text', 100);
        expect(await opened.isThereAfter(key, 95)).toBe(true);
        const other = storeKeyOf(newSessionId(), KEY_PREFIX);
        await store.create(other, 'text', 100);
        expect(await opened.isThereAfter(other, 101)).toBe(false);
      });
    });

    describe('update', () => {
      it('takes the place of the version it was told', async () => {
        const version = await stored();
        expect(await store.update(key, 'second', version, TIMEOUT)).toBe('stored');
        const found = await store.find(key);
        expect(found?.text).toBe('second');
        expect(found?.version).not.toBe(version);
      });

      it('changes nothing if another process wrote meanwhile', async () => {
        const version = await stored();
        await opened.another.update(key, 'theirs', version, TIMEOUT);
        expect(await store.update(key, 'mine', version, TIMEOUT)).toBe('changed');
        expect((await store.find(key))?.text).toBe('theirs');
      });

      it('writes back nothing that is gone', async () => {
        const version = await stored();
        await opened.another.remove(key, version);
        expect(await store.update(key, 'mine', version, TIMEOUT)).toBe('gone');
        expect(await store.find(key)).toBeUndefined();
      });

      it('has one winner of many at once', async () => {
        const version = await stored();
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) => store.update(key, String(n), version, TIMEOUT)),
        );
        expect(results.filter((result) => result === 'stored')).toHaveLength(1);
        expect(results.filter((result) => result === 'changed')).toHaveLength(19);
        expect((await store.find(key))?.text).toBe(String(results.indexOf('stored')));
      });

      it('loses nothing of many who try again', async () => {
        await stored('0');
        const count = async (): Promise<void> => {
          for (;;) {
            const { text, version } = (await store.find(key))!;
            const result = await store.update(key, String(Number(text) + 1), version, TIMEOUT);
            if (result === 'stored') return;
            expect(result).toBe('changed');
          }
        };
        await Promise.all(Array.from({ length: 8 }, count));
        expect((await store.find(key))?.text).toBe('8');
      });

      it('gives a record a life of more than a month', async () => {
        const month = 30 * 24 * 60 * 60;
        const version = await stored();
        await store.update(key, 'second', version, month * 2);
        expect(await opened.isThereAfter(key, month + 30)).toBe(true);
      });

      it('gives a record its life', async () => {
        const version = await stored();
        await store.update(key, 'second', version, 100);
        expect(await opened.isThereAfter(key, 101)).toBe(false);
      });
    });

    describe('remove', () => {
      it('takes a record away', async () => {
        const version = await stored();
        expect(await store.remove(key, version)).toBe('removed');
        expect(await store.find(key)).toBeUndefined();
        expect(await opened.another.find(key)).toBeUndefined();
      });

      it('leaves a record alone that another process wrote meanwhile', async () => {
        const version = await stored();
        await opened.another.update(key, 'theirs', version, TIMEOUT);
        expect(await store.remove(key, version)).toBe('changed');
        expect((await store.find(key))?.text).toBe('theirs');
      });

      it('says so if there is none', async () => {
        const version = await stored();
        await opened.another.remove(key, version);
        expect(await store.remove(key, version)).toBe('gone');
      });

      it('has one winner of many at once', async () => {
        const version = await stored();
        const results = await Promise.all(
          Array.from({ length: 10 }, () => store.remove(key, version)),
        );
        expect(results.filter((result) => result === 'removed')).toHaveLength(1);
        expect(results.filter((result) => result === 'gone')).toHaveLength(9);
      });

      it('is not undone by those who had read it', async () => {
        const version = await stored();
        const remove = async (): Promise<void> => {
          let next: string | undefined = version;
          while (next !== undefined && (await store.remove(key, next)) === 'changed') {
            next = (await store.find(key))?.version;
          }
        };
        await Promise.all([
          remove(),
          ...Array.from({ length: 10 }, () => store.update(key, 'back', version, TIMEOUT)),
        ]);
        const results = await Promise.all([store.find(key), opened.another.find(key)]);
        expect(results).toEqual([undefined, undefined]);
      });
    });
  });
}
