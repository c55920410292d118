// Writes where repository and documentation are, as `repository` in package.json names them, to wherever
// it stands: README.md and CHANGELOG.md with their absolute links, package.json's `homepage`, the errors' `help`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './install.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [, owner, name] = /github\.com\/([^/]+)\/([^/]+)\.git$/.exec(manifest.repository.url);
const places = [
  [
    new RegExp(`https://[\\w-]+\\.github\\.io/${name}/`, 'g'),
    `https://${owner}.github.io/${name}/`,
  ],
  [
    new RegExp(`https://github\\.com/[\\w-]+/${name}\\b`, 'g'),
    `https://github.com/${owner}/${name}`,
  ],
  [
    new RegExp(`https://raw\\.githubusercontent\\.com/[\\w-]+/${name}/`, 'g'),
    `https://raw.githubusercontent.com/${owner}/${name}/`,
  ],
];
const FILES = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'src/session/documentation.ts',
];
for (const file of FILES) {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  const written = places.reduce((result, [pattern, place]) => result.replace(pattern, place), text);
  if (written !== text) writeFileSync(path, written);
}
