// Builds the site of the documentation into `docs/.vitepress/dist`, its reference from the built package first,
// and `llms.txt`, which names each page for programs that read. A dead link ends it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildPackage } from './build.mjs';
import { ensurePackages, root, run } from './install.mjs';

/** The parts of the site, and the folder of each, as in its sidebar. */
const PARTS = {
  Start: 'start',
  Guides: 'guides',
  Stores: 'stores',
  Moving: 'moving',
  Reference: 'reference',
  'How it works': '.',
};

await ensurePackages();
await buildPackage();
await import('./reference.mjs');
writeLlms();
const [command = 'build', ...options] = process.argv.slice(2);
const vitepress = join(root, 'node_modules/vitepress/bin/vitepress.js');
process.exitCode = await run(process.execPath, [vitepress, command, 'docs', ...options]);

function writeLlms() {
  const { homepage, description, name } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const parts = Object.entries(PARTS).map(([title, folder]) => {
    const paths = readdirSync(join(root, 'docs', folder))
      .filter((name) => name.endsWith('.md') && name !== 'index.md')
      .map((name) => join(folder, name))
      .sort();
    return `## ${title}\n\n${paths.map((path) => linkTo(path, homepage)).join('\n')}\n`;
  });
  mkdirSync(join(root, 'docs/public'), { recursive: true });
  const text = `# ${name}\n\n> ${description}\n\n${parts.join('\n')}`;
  writeFileSync(join(root, 'docs/public/llms.txt'), text);
}

function linkTo(path, homepage) {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(root, 'docs', path), 'utf8'));
  return `- [${title}](${homepage}${path.slice(0, -'.md'.length)})`;
}
