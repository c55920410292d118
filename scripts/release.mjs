// A release in one command, on an up-to-date main: `npm run release -- 1.2.0`. It dates the changelog's
// section, sets the version, commits, tags and pushes; the pushed tag starts the workflow that publishes.
// `--dry-run` checks and changes nothing.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'dry-run': { type: 'boolean', default: false } },
});
const [version] = positionals;
const UNRELEASED = '## [Unreleased]\n';

const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const npm = (...args) => execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });

const changelog = readFileSync('CHANGELOG.md', 'utf8');
const problem = findProblem();
if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else if (values['dry-run']) {
  console.log(`${version} can be released.`);
} else {
  release();
}

function findProblem() {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? ''))
    return 'Usage: npm run release -- <version>';
  const { repository } = JSON.parse(readFileSync('package.json', 'utf8'));
  if (repository.url.includes('/OWNER/')) {
    return 'package.json does not name the repository yet. See "Before the first release" in CONTRIBUTING.md.';
  }
  if (git('branch', '--show-current') !== 'main') return 'Releases are made of the branch main.';
  if (git('status', '--porcelain')) return 'There are changes that are not committed.';
  git('fetch', '--quiet', '--tags', 'origin', 'main');
  if (git('rev-parse', 'HEAD') !== git('rev-parse', 'FETCH_HEAD')) {
    return 'This is not what origin has as main. Pull or push first.';
  }
  if (git('tag', '--list', `v${version}`)) return `The tag v${version} exists already.`;
  const [, after = ''] = changelog.split(UNRELEASED);
  if (!after.split('\n## ')[0].trim()) return 'CHANGELOG.md has no entry under [Unreleased].';
  return undefined;
}

function release() {
  const today = new Date().toISOString().slice(0, 10);
  const heading = `${UNRELEASED}\n## [${version}] - ${today}\n`;
  writeFileSync('CHANGELOG.md', changelog.replace(UNRELEASED, heading));
  npm('version', version, '--no-git-tag-version', '--allow-same-version');
  git('commit', '--quiet', '--all', '--message', `build: release ${version}`);
  git('tag', '--annotate', `v${version}`, '--message', version);
  git('push', '--quiet', '--atomic', 'origin', 'main', `v${version}`);
  console.log(`v${version} is pushed; the workflow "release" tests and publishes it.`);
}
