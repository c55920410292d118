import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const execute = promisify(execFile);
const script = fileURLToPath(new URL('../../scripts/release.mjs', import.meta.url));

const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Tea.\n';

describe('npm run release', () => {
  let folder: string;
  let home: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-'));
    home = join(folder, 'clone');
    await execute('git', ['init', '--quiet', '--bare', '-b', 'main', join(folder, 'origin')]);
    await execute('git', ['clone', '--quiet', join(folder, 'origin'), home]);
    await git('config', 'user.name', 'Maintainer');
    await git('config', 'user.email', 'maintainer@example.org');
    await git('checkout', '--quiet', '-B', 'main');
    await copyFile(script, join(home, 'release.mjs'));
    await writeManifest('git+https://github.com/example/shop.git');
    await writeFile(join(home, 'CHANGELOG.md'), CHANGELOG);
    await commitAndPush();
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function git(...args: string[]): Promise<string> {
    return (await execute('git', args, { cwd: home })).stdout.trim();
  }

  function writeManifest(url: string): Promise<void> {
    const manifest = { name: 'shop', version: '0.1.0', repository: { type: 'git', url } };
    return writeFile(join(home, 'package.json'), JSON.stringify(manifest));
  }

  async function commitAndPush(): Promise<void> {
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'feat: tea');
    await git('push', '--quiet', 'origin', 'main');
  }

  /** What the command refuses with, if it does. */
  async function release(...args: string[]): Promise<string> {
    try {
      await execute(process.execPath, ['release.mjs', ...args], { cwd: home });
      return '';
    } catch (error) {
      return (error as { stderr: string }).stderr.trim();
    }
  }

  it('dates the changelog, sets the version, and pushes a commit with its tag', async () => {
    expect(await release('1.2.0')).toBe('');
    const today = new Date().toISOString().slice(0, 10);
    expect(await readFile(join(home, 'CHANGELOG.md'), 'utf8')).toBe(
      CHANGELOG.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [1.2.0] - ${today}\n`),
    );
    expect(await readFile(join(home, 'package.json'), 'utf8')).toContain('"1.2.0"');
    expect(await git('log', '-1', '--format=%s', 'main')).toBe('build: release 1.2.0');
    const [head, pushed] = [await git('rev-parse', 'HEAD'), await git('ls-remote', 'origin')];
    expect(pushed).toContain(`${head}\trefs/heads/main`);
    expect(pushed).toContain(`${head}\trefs/tags/v1.2.0^{}`);
    // The next one needs an entry of its own.
    expect(await release('1.2.1')).toMatch(/no entry/);
  });

  it('changes nothing in a dry run', async () => {
    expect(await release('1.2.0', '--dry-run')).toBe('');
    expect([await git('status', '--porcelain'), await git('tag')]).toEqual(['', '']);
  });

  it.each([
    ['no version', [], async () => undefined, /Usage/],
    ['the placeholder of the repository', ['1.2.0'], placeholder, /does not name the repository/],
    ['another branch', ['1.2.0'], () => git('checkout', '--quiet', '-b', 'tea'), /branch main/],
    ['changes', ['1.2.0'], () => writeFile(join(home, 'tea'), ''), /not committed/],
    ['a commit that is not pushed', ['1.2.0'], commit, /Pull or push/],
    ['a version that is there', ['1.2.0'], () => git('tag', 'v1.2.0'), /exists already/],
  ])('refuses %s', async (_what, args, prepare, message) => {
    await prepare();
    const before = await git('rev-parse', 'HEAD');
    expect(await release(...args)).toMatch(message);
    expect(await git('rev-parse', 'HEAD')).toBe(before);
  });

  async function placeholder(): Promise<void> {
    await writeManifest('git+https://github.com/OWNER/shop.git');
    await commitAndPush();
  }

  async function commit(): Promise<void> {
    await git('commit', '--quiet', '--allow-empty', '--message', 'feat: coffee');
  }
});
