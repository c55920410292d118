// Builds the site of the documentation into `docs/.vitepress/dist`, its reference from the built package first,
// and `llms.txt`, which names each page for programs that read. A dead link ends it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildPackage } from './build.mjs';
import { ensurePackages, root, run } from './install.mjs';

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
  const pages = readdirSync(join(root, 'docs'), { recursive: true })
    .filter((path) => path.endsWith('.md') && !path.startsWith('.') && path !== 'index.md')
    .sort();
  const lines = pages.map((path) => {
    const text = readFileSync(join(root, 'docs', path), 'utf8');
    const [, title] = /^# (.+)$/m.exec(text);
    return `- [${title}](${homepage}${path.slice(0, -'.md'.length)})`;
  });
  mkdirSync(join(root, 'docs/public'), { recursive: true });
  const text = `# ${name}\n\n> ${description}\n\n## Pages\n\n${lines.join('\n')}\n`;
  writeFileSync(join(root, 'docs/public/llms.txt'), text);
}
