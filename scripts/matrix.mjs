// The packed package on several versions of Node and Nest, which come from npm: the README's quick start as it is
// written, in what `nest new` makes. Its own build and lint run once, its own tests and the application, with
// memcached, on each Node: `matrix.mjs [--node 20,22] [--nest 11,12] [--other deno,bun]`.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';

import { ensureMemcached, root } from './install.mjs';

const execute = promisify(execFile);
const { values } = parseArgs({
  options: {
    node: { type: 'string', default: '20,22,24,26' },
    nest: { type: 'string', default: '11,12' },
    other: { type: 'string', default: 'deno,bun' },
  },
});
const list = (text) => text.split(',').filter(Boolean);
const NODES = list(values.node);
const NESTS = list(values.nest);
/** Other runtimes, by their packages of npm, and what they need before a file. */
const OTHERS = list(values.other);
const ARGUMENTS = { deno: ['run', '--allow-all'] };
/** Milliseconds that a start may take on a busy machine. */
const START = 60_000;

/** Milliseconds that a command may take there. */
const COMMAND = 600_000;

await ensureMemcached();
const folder = mkdtempSync(join(tmpdir(), 'matrix-'));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
let [passed, failed] = [0, 0];
try {
  const archive = await pack();
  const nodes = await Promise.all(NODES.map(installNode));
  const others = await Promise.all(OTHERS.map(installOther));
  for (const nest of NESTS) {
    const app = await scaffold(nest, archive);
    await report(`Nest ${nest}: \`npm run build\``, () => npm(['run', 'build'], app));
    await report(`Nest ${nest}: \`npm run lint\``, () => lint(app));
    for (const node of nodes) {
      const place = `Nest ${nest} on Node ${node.version}`;
      for (const script of ['test', 'test:e2e']) {
        await report(`${place}: \`npm run ${script}\``, () => npm(['run', script], app, node));
      }
      await report(`${place}: the quick start, with memcached`, () => tryOut(app, node.binary));
    }
    for (const { name, command } of others) {
      // Nest 11 makes CommonJS. Deno 2.9 hangs while `require()` first loads the package's many ES modules.
      if (nest === '11' && name.startsWith('deno')) continue;
      const place = `Nest ${nest} on ${name}`;
      await report(`${place}: the quick start, with memcached`, () => tryOut(app, ...command));
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function report(name, action) {
  try {
    await action();
    passed++;
    console.log(`✔ ${name}`);
  } catch (error) {
    failed++;
    console.log(`✖ ${name}\n${error.stdout ?? ''}${error.stderr ?? ''}${error.message}`);
  }
}

/** Runs npm in a folder, by the Node of the matrix that is named, and answers what it wrote. */
async function npm(args, cwd, node) {
  const PATH = node && [dirname(node.binary), process.env.PATH].join(delimiter);
  // What it says is looked through, so it says it without colours.
  const env = { ...process.env, ...(PATH && { PATH }), NODE_OPTIONS: '', CI: '1', NO_COLOR: '1' };
  const { stdout, stderr } = await execute('npm', args, {
    ...{ cwd, env, timeout: COMMAND, maxBuffer: 2 ** 26 },
  });
  return stdout + stderr;
}

/** The archive as `npm publish` would send it, of the package as it was last built. */
async function pack() {
  const args = ['pack', '--json', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await execute('npm', args, { cwd: root });
  return join(folder, JSON.parse(stdout)[0].filename);
}

async function installNode(major) {
  const home = join(folder, `node-${major}`);
  mkdirSync(home);
  await npm(['install', '--no-save', '--no-audit', '--no-fund', `node@${major}`], home);
  const binary = join(home, 'node_modules/node/bin/node');
  const { stdout } = await execute(binary, ['--version']);
  return { binary, version: stdout.trim().slice(1) };
}

async function installOther(name) {
  const home = join(folder, name);
  mkdirSync(home);
  // Its program is fetched when it is first called.
  await npm(['install', '--no-save', '--no-audit', '--no-fund', name], home);
  const binary = join(home, 'node_modules/.bin', name);
  const { stdout } = await execute(binary, ['--version']);
  const [version] = /\d+\.\d+\.\d+/.exec(stdout);
  return { name: `${name} ${version}`, command: [binary, ...(ARGUMENTS[name] ?? [])] };
}

/** What `nest new` makes, with the README's quick start in it. */
async function scaffold(nest, archive) {
  const home = join(folder, `nest-${nest}`);
  mkdirSync(home);
  const cli = ['exec', '--yes', '--prefer-offline', `--package=@nestjs/cli@${nest}`, '--', 'nest'];
  const bare = ['--skip-install', '--skip-git', '--package-manager', 'npm', '--language', 'TS'];
  await npm([...cli, 'new', 'app', ...bare], home);
  const app = join(home, 'app');
  edit(app, 'src/account.module.ts', () => example('quick-start', 'ts'));
  // Nest 12 makes ES modules, whose imports end so.
  const from = nest === '11' ? './account.module' : './account.module.js';
  edit(app, 'src/app.module.ts', (text) =>
    text
      .replace('\n\n@Module', `\nimport { AccountModule } from '${from}';\n\n@Module`)
      .replace('imports: []', 'imports: [AccountModule]'),
  );
  if (nest === '11') {
    const setting = JSON.parse(example('jest-setting', 'json'));
    const withSetting = (change) => (text) => JSON.stringify(change(JSON.parse(text)), null, 2);
    const inManifest = ({ jest, ...others }) => ({ ...others, jest: { ...jest, ...setting } });
    edit(app, 'package.json', withSetting(inManifest));
    edit(
      app,
      'test/jest-e2e.json',
      withSetting((jest) => ({ ...jest, ...setting })),
    );
  }
  const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await npm([...install, archive], app);
  return app;
}

function edit(app, file, change) {
  const path = join(app, file);
  const text = file.endsWith('account.module.ts') ? '' : readFileSync(path, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`${file} is not as this script expects it`);
  writeFileSync(path, changed);
}

/** An example of the README, as written. */
function example(name, language) {
  const marked = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`${language}\\n([^]*?)\`\`\``);
  const [, code] = marked.exec(readme) ?? [];
  if (!code) throw new Error(`the README has no example ${name}`);
  return code;
}

/** The linter of Nest 11 fixes what it can: it fixed nothing, and reports nothing about the file. */
async function lint(app) {
  const output = await npm(['run', 'lint'], app);
  const path = join(app, 'src/account.module.ts');
  if (output.includes('account.module.ts')) throw new Error(output);
  if (readFileSync(path, 'utf8') !== example('quick-start', 'ts'))
    throw new Error('the linter changes the file');
}

/** Starts the application on a memcached, visits it as a browser does, and throws if anything is wrong. */
async function tryOut(app, binary, ...args) {
  const [port, memcachedPort] = [await freePort(), await freePort()];
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const memcached = spawn('memcached', ['-l', '127.0.0.1', '-p', String(memcachedPort), ...user]);
  const env = { ...process.env, PORT: String(port), MEMCACHED: `127.0.0.1:${memcachedPort}` };
  const server = spawn(binary, [...args, 'dist/main.js'], { cwd: app, env });
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (text) => (output += text));
  try {
    await visit(`http://127.0.0.1:${port}`, server);
  } catch (error) {
    throw new Error(`${error.message}\n${output}`, { cause: error });
  } finally {
    for (const one of [server, memcached]) {
      one.kill('SIGKILL');
      if (one.exitCode === null && one.signalCode === null) await once(one, 'exit');
    }
  }
}

async function visit(url, server) {
  let cookie = '';
  const ask = async (method, path, body) => {
    const headers = { cookie, 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method, headers, body });
    const [given] = answer.headers.getSetCookie();
    if (given) [cookie] = given.split(';');
    return `${answer.status} ${await answer.text()}`;
  };
  await firstAnswer(url, server);
  const said = [
    await ask('GET', '/account'),
    (await ask('GET', '/account/orders')).slice(0, 3),
    await ask('POST', '/account/sign-in', '{"name":"ada"}'),
    await ask('GET', '/account/orders'),
    await ask('GET', '/account'),
    await ask('POST', '/account/sign-out'),
    (await ask('GET', '/account/orders')).slice(0, 3),
  ];
  assert.deepEqual(said, [
    ...['200 {"visits":1}', '403', '201 ', '200 {"of":"ada"}', '200 {"visits":2}', '201 ', '403'],
  ]);
}

async function firstAnswer(url, server) {
  for (const end = performance.now() + START; performance.now() < end; await delay(50)) {
    if (await fetch(url).catch(() => undefined)) return;
    if (server.exitCode !== null) break;
  }
  throw new Error('it does not start');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
