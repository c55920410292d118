import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitepress';

const docs = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const { pathname: base } = new URL(manifest.homepage);
const repository = manifest.repository.url.slice('git+'.length, -'.git'.length);

/** The first pages of each part, in the order in which one needs them; the others follow by their names. */
const FIRST = {
  start: ['install', 'the-session', 'types', 'sign-in', 'options', 'deploy'],
  guides: [
    ...['users-and-devices', 'remember-me', 'freshness', 'cross-site-requests', 'guards', 'flash'],
    ...['outages', 'fastify', 'graphql', 'websockets'],
  ],
  stores: ['memcached', 'redis', 'postgres', 'sqlite', 'durable-tier', 'application-cache'],
  moving: [
    ...['express-session', 'passport', 'fastify-session', 'connect-flash', 'csrf'],
    ...['live-sessions', 'measured'],
  ],
  reference: ['options', 'session', 'stores', 'errors', 'events', 'testing'],
};

function part(text, folder) {
  const names = readdirSync(`${docs}${folder}`).filter((name) => name.endsWith('.md'));
  const pages = names.map((name) => name.slice(0, -'.md'.length)).sort();
  const rank = (page) => FIRST[folder].indexOf(page) + 1 || FIRST[folder].length + 1;
  const items = pages
    .sort((one, other) => rank(one) - rank(other))
    .map((page) => ({ text: titleOf(`${folder}/${page}`), link: `/${folder}/${page}` }));
  return { text, items };
}

function titleOf(page) {
  const [, title] = /^# (.+)$/m.exec(readFileSync(`${docs}${page}.md`, 'utf8'));
  return title.replaceAll('`', '');
}

const HOW = [
  'promises',
  'architecture',
  'storage',
  'users',
  'reliability',
  'security',
  'performance',
  'decisions',
];

function slugify(title) {
  return title
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/ /g, '-');
}

/** Pages that are read on GitHub, too, name what is not of the site by its path in the repository. */
const OUTSIDE =
  /^(?:\.\.?\/)+((?:bench|src|test|sample-app|scripts|README|SECURITY|CONTRIBUTING|CHANGELOG|LICENSE)\b.*)/;

/** Links to those lead to the repository. */
function linkOutside(markdown) {
  markdown.core.ruler.push('outside', ({ tokens }) => {
    const links = tokens.flatMap(({ children }) => children ?? []);
    for (const link of links.filter(({ type }) => type === 'link_open')) {
      const [, path] = OUTSIDE.exec(link.attrGet('href')) ?? [];
      if (path) link.attrSet('href', `${repository}/blob/main/${path}`);
    }
  });
}

export default defineConfig({
  base,
  head: [['link', { rel: 'icon', href: `${base}icon.svg` }]],
  title: 'nestjs-session-manager',
  description: manifest.description,
  cleanUrls: true,
  metaChunk: true,
  srcExclude: ['public/**'],
  // As GitHub names headings; errors' `help` leads to one.
  markdown: { anchor: { slugify }, config: linkOutside },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start/install' },
      { text: 'Guides', link: '/guides/users-and-devices' },
      { text: 'Stores', link: '/stores/memcached' },
      { text: 'Moving', link: '/moving/express-session' },
      { text: 'Reference', link: '/reference/options' },
    ],
    sidebar: [
      part('Start', 'start'),
      part('Guides', 'guides'),
      part('Stores', 'stores'),
      part('Moving', 'moving'),
      part('Reference', 'reference'),
      {
        text: 'How it works',
        items: HOW.map((page) => ({ text: titleOf(page), link: `/${page}` })),
      },
    ],
    socialLinks: [{ icon: 'github', link: repository }],
  },
});
