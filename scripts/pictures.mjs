// Makes the pictures of README and site from the running sample: `npm run pictures`. The moving one is a real run
// of the race, each frame as long as it was to be seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

import { chromium } from 'playwright-core';

import { buildPackage, buildProject } from './build.mjs';
import { ensureChromium, ensureMemcached, ensurePackages, root } from './install.mjs';

const OUT = join(root, 'docs/public');
/** Milliseconds for which the moving picture stays at its end. */
const LAST = 4000;

await ensurePackages();
await ensureMemcached();
await ensureChromium();
await buildPackage();
await buildProject('sample app', 'sample-app/tsconfig.build.json');
mkdirSync(OUT, { recursive: true });

const [port, memcachedPort] = [await freePort(), await freePort()];
const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
const memcached = spawn('memcached', ['-l', '127.0.0.1', '-p', String(memcachedPort), ...user]);
const url = `http://localhost:${port}`;
const app = spawn(process.execPath, ['sample-app/dist/main.js'], {
  cwd: root,
  env: { ...process.env, PORT: String(port), MEMCACHED_SERVERS: `127.0.0.1:${memcachedPort}` },
  stdio: 'ignore',
});
try {
  while (!(await fetch(url).catch(() => undefined))) await delay(100);
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args });
  try {
    await takePictures(browser);
  } finally {
    await browser.close();
  }
} finally {
  app.kill();
  await once(app, 'exit');
  memcached.kill();
}

async function takePictures(browser) {
  const page = await browser.newPage({
    viewport: { width: 720, height: 600 },
    colorScheme: 'light',
  });
  await page.goto(`${url}/race`);
  writeFileSync(join(OUT, 'race.png'), moving(await framesOf(page)));

  await page.goto(`${url}/products`);
  await page.getByRole('button', { name: 'Bread' }).click();
  await page.goto(url);
  await page.screenshot({ path: join(OUT, 'sample.png') });
  await page.goto(`${url}/inspector`);
  await page.getByText('POST /basket/bread/add').click();
  await page.screenshot({ path: join(OUT, 'inspector.png') });
}

/** What is to be seen of a run until both sides have ended: a whole picture, then what changes in it. */
async function framesOf(page) {
  const section = page.locator('#writes');
  const whole = await clipOf(section);
  const sides = await clipOf(section.locator('.sides'));
  const ended = section.locator('.side.good, .side.bad');
  const frames = [{ png: await page.screenshot({ clip: whole, fullPage: true }), x: 0, y: 0 }];
  frames[0].at = performance.now();
  await section.getByRole('button').click();
  for (let isOver = false; !isOver; await delay(60)) {
    isOver = (await ended.count()) === 2;
    const png = await page.screenshot({ clip: sides, fullPage: true });
    if (frames.at(-1).png.equals(png)) continue;
    frames.push({ png, x: sides.x - whole.x, y: sides.y - whole.y, at: performance.now() });
  }
  return frames.map((frame, index) => ({
    ...frame,
    milliseconds: Math.round((frames[index + 1]?.at ?? frame.at + LAST) - frame.at),
  }));
}

/** Whole pixels around an element. */
async function clipOf(locator) {
  const { x, y, width, height } = await locator.boundingBox();
  const [left, top] = [Math.floor(x) - 8, Math.floor(y)];
  return {
    x: left,
    y: top,
    width: Math.ceil(x + width) + 8 - left,
    height: Math.ceil(y + height) - top,
  };
}

/** An APNG of PNGs, whose compressed pixels it takes as they are. */
function moving(frames) {
  let sequence = 0;
  const [first] = frames;
  const headOf = (png) => chunksOf(png).find(({ type }) => type === 'IHDR').data;
  const animation = chunk('acTL', words(frames.length, 0));
  const out = [first.png.subarray(0, 8), chunk('IHDR', headOf(first.png)), animation];
  frames.forEach(({ png, x, y, milliseconds }, index) => {
    const head = headOf(png);
    const times = Buffer.alloc(6);
    times.writeUInt16BE(Math.min(milliseconds, 65_535), 0);
    times.writeUInt16BE(1000, 2);
    const place = words(sequence++, head.readUInt32BE(0), head.readUInt32BE(4), x, y);
    out.push(chunk('fcTL', Buffer.concat([place, times])));
    for (const { type, data } of chunksOf(png)) {
      if (type !== 'IDAT') continue;
      const isFirst = index === 0;
      out.push(
        isFirst ? chunk('IDAT', data) : chunk('fdAT', Buffer.concat([words(sequence++), data])),
      );
    }
  });
  return Buffer.concat([...out, chunk('IEND', Buffer.alloc(0))]);
}

function chunksOf(png) {
  const chunks = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([words(data.length), named, words(crc32(named))]);
}

function words(...values) {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => buffer.writeUInt32BE(value, 4 * index));
  return buffer;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
