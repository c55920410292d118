// What `npm start` and `npm test` need on a machine that has nothing but Node.
// Only Node's own modules here: it runs before there is a node_modules.
import { spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the project's folder and answers its exit code. `onOutput`: of a piped one. */
export function run(command, args, { onOutput, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', onOutput);
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ? 1 : code));
  });
}

/** Runs npm, the one that runs this script where there is one. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('npm-cli.js')) return run(process.execPath, [cli, ...args], options);
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}

/** Installs the packages, unless they are there and as new as the lock file. */
export async function ensurePackages() {
  const wanted = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;

  console.log('Installing the packages …');
  // The tools are development packages, wanted under NODE_ENV=production as well.
  const code = await npm(['ci', '--include=dev', '--loglevel=error']);
  if (code !== 0) fail('`npm ci` failed. The lines above say why.');
}

export async function ensureMemcached() {
  if (isOnPath('memcached')) return;
  await installDebianPackage('memcached', 'memcached');
}

export async function ensurePostgres() {
  if (isOnPath('postgres') || debianPostgresFolder()) return;
  await installDebianPackage('postgresql', 'PostgreSQL (its `initdb` and `postgres`)');
}

export async function ensureChromium() {
  if (process.env.CHROMIUM || isOnPath('chromium')) return;
  await installDebianPackage('chromium', 'Chromium');
}

export async function ensureRedis() {
  if (isOnPath('redis-server')) return;
  await installDebianPackage('redis-server', 'Redis (its `redis-server`)');
}

export async function ensureValkey() {
  if (isOnPath('valkey-server')) return;
  await installDebianPackage('valkey-server', 'Valkey (its `valkey-server`)', 'bookworm');
}

/** Debian keeps the server's programs off the PATH. */
function debianPostgresFolder() {
  const versions = '/usr/lib/postgresql';
  return existsSync(versions) && readdirSync(versions).length > 0;
}

/** `onlyBackported`: the release of Debian that has it among its backports only. */
async function installDebianPackage(name, description, onlyBackported) {
  const debian = existsSync('/etc/debian_version') && isOnPath('apt-get');
  if (!debian || process.getuid?.() !== 0) {
    const backports = onlyBackported
      ? ` (in ${onlyBackported} from ${onlyBackported}-backports)`
      : '';
    fail(
      `The tests need ${description}. Install it, on Debian: sudo apt-get install ${name}${backports}`,
    );
  }

  console.log(`Installing ${name} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => run('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const allow = forbidServiceStarts();
  const folder = mkdtempSync(join(tmpdir(), 'backports-'));
  try {
    const install = async (...sources) =>
      (await apt(...sources, 'update', '-q')) === 0 &&
      (await apt(...sources, 'install', '-qy', name)) === 0;
    const isBackported = onlyBackported === debianRelease() && !(await isInOwnSources(name));
    const done = await install(...(isBackported ? backportsOf(onlyBackported, folder) : []));
    if (!done) fail(`Installing ${name} failed. The lines above say why.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    allow();
  }
}

async function isInOwnSources(name) {
  return (await run('apt-cache', ['show', name], { stdio: 'ignore' })) === 0;
}

function debianRelease() {
  const file = '/etc/os-release';
  const release = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return /^ID=debian$/m.test(release) ? /^VERSION_CODENAME=(.*)$/m.exec(release)?.[1] : undefined;
}

/** Options of `apt-get` for a release with its backports. The machine's own sources stay as they are. */
function backportsOf(release, folder) {
  // For the user by whom apt downloads.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'lists/partial'), { recursive: true });
  const list = join(folder, 'sources.list');
  const suites = [release, `${release}-backports`];
  const lines = suites.map((suite) => `deb http://deb.debian.org/debian ${suite} main\n`);
  writeFileSync(list, lines.join(''));
  const options = {
    'Dir::Etc::SourceList': list,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
  };
  return Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
}

/** Debian starts what it installs. The tests start their own servers, on ports of their own. */
function forbidServiceStarts() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => {};
  const allow = () => rmSync(policy, { force: true });
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.once('exit', allow);
  return allow;
}

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
