import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { DOCUMENTATION } from '../../src/session/documentation.js';
import { documentPaths, textOf } from '../package/readme-example.js';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly homepage: string;
  readonly repository: { readonly url: string };
};
const [, owner, name] = /github\.com\/([^/]+)\/([^/]+)\.git$/.exec(manifest.repository.url)!;
const SITE = `https://${owner}.github.io/${name}/`;
const REPOSITORY = `https://github.com/${owner}/${name}`;
const PICTURES = `https://raw.githubusercontent.com/${owner}/${name}/main/`;

/** The addresses that a page leads to, outside of its code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)].map(
    ([, one, two]) => one ?? two!,
  );
}

/** As VitePress and GitHub name them. */
function anchorsOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '');
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  );
}

describe('links', () => {
  let pages: Map<string, string>;

  beforeAll(async () => {
    const paths = [
      ...(await documentPaths()),
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'LICENSE',
    ];
    pages = new Map(
      await Promise.all(paths.map(async (path) => [path, await textOf(path)] as const)),
    );
  });

  /** Where a link leads within this repository; `undefined`: elsewhere. */
  function targetOf(page: string, link: string): [path: string, anchor: string] | undefined {
    const [address = '', anchor = ''] = link.split('#', 2);
    if (address === '') return [page, anchor];
    if (address.startsWith(SITE)) return [`docs/${address.slice(SITE.length)}.md`, anchor];
    if (address.startsWith(`${REPOSITORY}/blob/main/`)) {
      return [address.slice(`${REPOSITORY}/blob/main/`.length), anchor];
    }
    if (/^\w+:/.test(address)) return undefined;
    return [normalize(join(dirname(page), address)), anchor];
  }

  it('lead to pages and headings that are there', () => {
    const dead = [...pages].flatMap(([page, text]) =>
      linksOf(text)
        .filter((link) => {
          const target = targetOf(page, link);
          if (!target || !target[0].endsWith('.md') || target[0].startsWith('docs/reference/'))
            return false;
          const there = pages.get(target[0]);
          return there === undefined || (target[1] !== '' && !anchorsOf(there).includes(target[1]));
        })
        .map((link) => `${page}: ${link}`),
    );
    expect(dead).toEqual([]);
  });

  it('of the README work on a page of the registry: they are absolute, to where package.json says', () => {
    const links = linksOf(pages.get('README.md')!).filter((link) => !link.startsWith('#'));
    expect(links.length).toBeGreaterThan(20);
    const known = (link: string) =>
      [SITE, REPOSITORY, PICTURES].some((place) => link.startsWith(place));
    expect(links.filter((link) => !known(link))).toEqual([]);
    expect([manifest.homepage, DOCUMENTATION]).toEqual([SITE, SITE]);
  });
});

describe('the README', () => {
  it('is one that the registry shows whole, and people read: at most 12 kB', async () => {
    expect(Buffer.byteLength(await textOf('README.md'))).toBeLessThanOrEqual(12_000);
  });
});
