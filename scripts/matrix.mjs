// The packed package on several versions of Node and Nest: the README's quick start is compiled with each
// Nest, and run by each Node, which come from npm: `matrix.mjs [--node 20,22] [--nest 11,12]`.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';

import { root } from './install.mjs';

const execute = promisify(execFile);
const { values } = parseArgs({
  options: {
    node: { type: 'string', default: '20,22,24,26' },
    nest: { type: 'string', default: '11,12' },
  },
});
const list = (text) => text.split(',').filter(Boolean);
const NODES = list(values.node);
const NESTS = list(values.nest);
/** Milliseconds that a start may take on a busy machine. */
const START = 60_000;

const MAIN = `
import { NestFactory } from '@nestjs/core';
import { AccountModule } from './account.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AccountModule);
  await app.listen(process.env.PORT ?? 3000);
}
void bootstrap();
`;

const folder = mkdtempSync(join(tmpdir(), 'matrix-'));
let failed = 0;
try {
  const archive = await pack();
  const nodes = await Promise.all(NODES.map(installNode));
  for (const nest of NESTS) {
    const app = await install(nest, archive);
    for (const node of nodes) {
      const problem = await tryOut(app, node).catch((error) => String(error));
      if (problem) failed++;
      console.log(`${problem ? '✖' : '✔'} Nest ${nest} on Node ${node.version}  ${problem ?? ''}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`\n${NODES.length * NESTS.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function npm(args, cwd) {
  const { stdout } = await execute('npm', args, { cwd, maxBuffer: 2 ** 26 });
  return stdout;
}

/** The archive as `npm publish` would send it, of the package as it was last built. */
async function pack() {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  return join(folder, JSON.parse(await npm(args, root))[0].filename);
}

async function installNode(major) {
  const home = join(folder, `node-${major}`);
  mkdirSync(home);
  await npm(['install', '--no-save', '--no-audit', '--no-fund', `node@${major}`], home);
  const binary = join(home, 'node_modules/node/bin/node');
  const { stdout } = await execute(binary, ['--version']);
  return { binary, version: stdout.trim().slice(1) };
}

/** An application as a newcomer has it: the quick start, compiled. */
async function install(nest, archive) {
  const home = join(folder, `nest-${nest}`);
  const [, quickStart] = /<!-- example: quick-start -->\s*```ts\n([^]*?)```/.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  );
  mkdirSync(join(home, 'src'), { recursive: true });
  const compilerOptions = {
    ...{ target: 'es2022', module: 'nodenext', strict: true, skipLibCheck: true },
    ...{ experimentalDecorators: true, emitDecoratorMetadata: true, types: ['node'] },
    ...{ rootDir: 'src', outDir: 'dist' },
  };
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'app', private: true }));
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  writeFileSync(join(home, 'src/account.module.ts'), quickStart);
  writeFileSync(join(home, 'src/main.ts'), MAIN);
  const ofNest = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@${nest}`);
  const others = ['reflect-metadata', 'rxjs', 'typescript@6', '@types/node@20', '@types/express@5'];
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline'];
  await npm([...args, archive, ...ofNest, ...others], home);
  await execute(join(home, 'node_modules/.bin/tsc'), [], { cwd: home });
  return home;
}

/** Answers what is wrong, if anything is. */
async function tryOut(home, { binary }) {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), NODE_ENV: 'development' };
  const server = spawn(binary, ['dist/main.js'], { cwd: home, env });
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (text) => (output += text));
  try {
    const url = `http://127.0.0.1:${port}/account`;
    const first = await firstAnswer(url, server);
    if (!first) return `did not start: ${output}`;
    const [cookie] = (first.headers.get('set-cookie') ?? '').split(';');
    const second = await (await fetch(url, { headers: { cookie } })).text();
    const stranger = await (await fetch(url)).text();
    const isRight = /\b2\b/.test(second) && /\b1\b/.test(stranger);
    return isRight ? undefined : `visits are not counted: ${second}, ${stranger}`;
  } finally {
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
  }
}

async function firstAnswer(url, server) {
  for (const end = performance.now() + START; performance.now() < end; await delay(50)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer) return answer;
    if (server.exitCode !== null) return undefined;
  }
  return undefined;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
