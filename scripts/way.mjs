// Records and prints the way of a request through the package, on memcached: every function it calls, in
// order, grouped by file: `way.mjs [--platform fastify] [--route untouched|read|write|new]`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { register } from 'node:module';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

import { buildPackage } from './build.mjs';
import { ensureMemcached, ensurePackages } from './install.mjs';

const ROUTES = ['untouched', 'read', 'write', 'new'];
const { values } = parseArgs({
  options: { platform: { type: 'string', default: 'express' }, route: { type: 'string' } },
});

// `head` may have seen enough.
process.stdout.on('error', () => {});

await ensurePackages();
await ensureMemcached();
await buildPackage();

/** Functions as they were called: `file`, and `name` within it. */
let calls = [];
globalThis.recordCall = (file, name) => void calls.push({ file, name });
register('./way/recording-loader.mjs', import.meta.url);

const { port, stop } = await startMemcached();
const { startShop } = await import('./way/shop.mjs');
const shop = await startShop(values.platform, `127.0.0.1:${port}`);
try {
  let cookie = await ask('new');
  // Connections, caches and lazy parts are there from the second time on.
  for (const route of [...ROUTES, ...ROUTES]) cookie = (await ask(route, cookie)) ?? cookie;
  for (const route of values.route ? [values.route] : ROUTES) {
    calls = [];
    await ask(route, route === 'new' ? undefined : cookie);
    print(route, calls);
  }
} finally {
  await shop.close();
  await stop();
}

/** The cookie that the answer sets. */
async function ask(route, cookie) {
  const response = await fetch(`${shop.url}/${route}`, { headers: cookie ? { cookie } : {} });
  await response.text();
  return response.headers.getSetCookie()[0]?.split(';')[0];
}

function print(route, recorded) {
  const files = new Set(recorded.map(({ file }) => file));
  const functions = new Set(recorded.map(({ file, name }) => `${file} ${name}`));
  const layers = recorded.map(({ file }) => file.split('/')[0]);
  const changes = layers.filter((layer, at) => at > 0 && layer !== layers[at - 1]).length;
  console.log(
    `\n${route}, on ${values.platform}: ${recorded.length} calls of ${functions.size} functions in ` +
      `${files.size} files, ${changes} changes of the layer`,
  );
  let last;
  let line = '';
  for (const { file, name } of recorded) {
    if (file === last) {
      line += `, ${name}`;
      continue;
    }
    if (line) console.log(line);
    line = `  ${file.padEnd(38)} ${name}`;
    last = file;
  }
  if (line) console.log(line);
}

async function startMemcached() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address();
  probe.close();
  await once(probe, 'close');
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const server = spawn('memcached', ['-l', '127.0.0.1', '-p', String(free), ...user]);
  return {
    port: free,
    async stop() {
      server.kill();
      await once(server, 'exit');
    },
  };
}
