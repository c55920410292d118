import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { visitor } from '../support/http-client.js';
import { startMemcached } from '../support/memcached.js';
import { npmInstall, serve } from './consumer.js';
import { pack, type Packed } from './packed.js';

const execute = promisify(execFile);

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

/** JavaScript as it is, so that Yarn alone says what can be loaded. */
const mainSource = `
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionModule } from 'nestjs-session-manager';
import 'nestjs-session-manager/testing';

class VisitsController {
  visit(session) {
    return { visits: session.increment('visits') };
  }
}
const { prototype } = VisitsController;
Controller()(VisitsController);
Session()(prototype, 'visit', 0);
Get()(prototype, 'visit', Object.getOwnPropertyDescriptor(prototype, 'visit'));

class AppModule {}
const imports = [SessionModule.forRoot({ memcached: process.env.MEMCACHED })];
Module({ imports, controllers: [VisitsController] })(AppModule);

const app = await NestFactory.create(AppModule);
await app.listen(Number(process.env.PORT), '127.0.0.1');
`;

/** A package gets at what it declares and at nothing else, not even at what the application has. */
const settings = (folder: string, registry: string): string => `
nodeLinker: pnp
pnpMode: strict
pnpFallbackMode: none
enableGlobalCache: false
enableImmutableInstalls: false
enableTelemetry: false
globalFolder: ${join(folder, 'global')}
npmRegistryServer: ${registry}
unsafeHttpWhitelist: [${new URL(registry).hostname}]
`;

const manifest = (archive: string): object => ({
  name: 'consumer',
  private: true,
  type: 'module',
  dependencies: {
    ...{ '@nestjs/common': '12', '@nestjs/core': '12', '@nestjs/platform-express': '12' },
    ...{ 'reflect-metadata': '*', rxjs: '*', 'nestjs-session-manager': `file:${archive}` },
  },
});

describe("Yarn Plug'n'Play, strict", () => {
  let packed: Packed;
  let folder: string;
  let app: string;

  const yarn = (...args: string[]): [string, ...string[]] => [
    process.execPath,
    ...[join(folder, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'), ...args],
  ];
  const run = async (...args: string[]): Promise<string> => {
    const [command, ...rest] = yarn(...args);
    const { stdout } = await execute(command, rest, { cwd: app });
    return stdout;
  };

  beforeAll(async () => {
    packed = await pack();
    folder = await mkdtemp(join(tmpdir(), 'consumer-yarn-'));
    await npmInstall(folder, ['@yarnpkg/cli-dist@4']);
    app = join(folder, 'app');
    await mkdir(app);
    const { stdout: registry } = await execute('npm', ['config', 'get', 'registry']);
    const files = {
      'package.json': JSON.stringify(manifest(packed.archive)),
      // Even empty it keeps Yarn from taking a folder further up for the project.
      'yarn.lock': '',
      '.yarnrc.yml': settings(folder, registry.trim()),
      'main.mjs': mainSource,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text);
    await run('install').catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await rm(folder, { recursive: true });
    await packed.remove();
  });

  async function countsVisits(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const server = await serve(app, yarn('node', 'main.mjs'), env);
    try {
      const somebody = visitor(server.url);
      const first = await somebody.get('/');
      expect(first.setCookies).toEqual([expect.stringMatching(/^SID=/)]);
      expect(first.json).toEqual({ visits: 1 });
      expect((await somebody.get('/')).json).toEqual({ visits: 2 });
    } finally {
      await server.stop();
    }
  }

  it(
    'refuses to import what is not declared',
    async () => {
      const failure = run('node', '--input-type=module', '--eval', "import 'keyv'");
      await expect(failure).rejects.toThrow(/keyv, but it isn't declared/);
    },
    INSTALL_TIMEOUT,
  );

  it('starts, and keeps sessions in memory', () => countsVisits(), INSTALL_TIMEOUT);

  it(
    'starts, and keeps sessions in memcached',
    async () => {
      const memcached = await startMemcached();
      try {
        await countsVisits({ MEMCACHED: memcached.server });
        expect(await memcached.keys()).toHaveLength(1);
      } finally {
        await memcached.stop();
      }
    },
    INSTALL_TIMEOUT,
  );
});
