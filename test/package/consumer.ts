import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePort } from '../support/server-process.js';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const NAME = 'nestjs-session-manager';

export interface ConsumerSettings {
  readonly nest: 11 | 12;
  readonly type: 'module' | 'commonjs';
  readonly archive: string;
  /** What installs the packages. Default: npm. */
  readonly client?: 'npm' | 'pnpm';
  /** What it needs besides, of Nest's own by their names after `@nestjs/`. */
  readonly more?: readonly string[];
  /** Others' packages that it needs to be tested. */
  readonly tools?: readonly string[];
  /** In place of what newcomers have in their tsconfig. */
  readonly compilerOptions?: object;
  /** File names in `src/` and what is in them. */
  readonly sources: Record<string, string>;
}

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** A user's application: an empty folder into which the package is installed. */
export class Consumer {
  private constructor(private readonly folder: string) {}

  static async install(settings: ConsumerSettings): Promise<Consumer> {
    const { nest, type, archive, more = [], tools = [], compilerOptions, sources } = settings;
    const { client = 'npm' } = settings;
    const folder = await write(`consumer-${nest}-${type}-`, type, sources, compilerOptions);
    const packages = [
      ...['common', 'core', 'platform-express', ...more].map((name) => `@nestjs/${name}@${nest}`),
      ...['reflect-metadata', 'rxjs', 'typescript@6', '@types/node@20', '@types/express@5'],
      ...tools,
    ];
    const consumer = new Consumer(folder);
    if (client === 'npm') await consumer.add(archive, ...packages);
    else await pnpmInstall(folder, [archive, ...packages]);
    return consumer;
  }

  /** The same before anything is installed, to see what each installation brings. */
  static async empty(sources: Record<string, string>): Promise<Consumer> {
    return new Consumer(await write('consumer-empty-', 'module', sources));
  }

  /** The same with the packages of this repository, and the package as it was last built. */
  static async link(
    sources: Record<string, string>,
    type: ConsumerSettings['type'] = 'module',
  ): Promise<Consumer> {
    const folder = await write('consumer-linked-', type, sources);
    const [from, to] = [join(root, 'node_modules'), join(folder, 'node_modules')];
    await mkdir(to);
    for (const name of await readdir(from)) await symlink(join(from, name), join(to, name));
    await symlink(root, join(to, NAME));
    return new Consumer(folder);
  }

  /** Installs packages, by their names or as archives. */
  add(...packages: readonly string[]): Promise<void> {
    return npmInstall(this.folder, packages);
  }

  /** Writes a file of the application. */
  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  /** The folders of all installed packages, each with the bytes of its files. */
  async installed(): Promise<Map<string, number>> {
    const lock = await readFile(join(this.folder, 'node_modules/.package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lock) as { packages: Record<string, unknown> };
    const sizes = Object.keys(packages).map(
      async (name) => [name, await bytesOf(join(this.folder, name))] as const,
    );
    return new Map(await Promise.all(sizes));
  }

  /** Compiles it as its author would; rejects with what the compiler says. */
  async compile(): Promise<void> {
    const tsc = join(this.folder, 'node_modules', '.bin', 'tsc');
    await execute(tsc, [], { cwd: this.folder }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }

  /** Type errors in this package's declarations, which compilers mostly skip. */
  async typeErrors(): Promise<string[]> {
    const tsc = join(this.folder, 'node_modules', '.bin', 'tsc');
    const args = ['--noEmit', '--skipLibCheck', 'false', '--pretty', 'false'];
    const compiled = execute(tsc, args, { cwd: this.folder });
    const { stdout } = await compiled.catch((error: { stdout: string }) => error);
    return stdout.split('\n').filter((line) => line.includes(`${NAME}/`));
  }

  /** What Jest says of its tests, whether they passed or not. */
  async jest(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> {
    const jest = join(this.folder, 'node_modules', '.bin', 'jest');
    const settings = { cwd: this.folder, env: { ...process.env, NODE_OPTIONS: '', ...env } };
    const tested = execute(jest, ['--ci', ...args], settings);
    return (await tested.catch((error: { stderr: string }) => error)).stderr;
  }

  /** The same of Vitest. */
  async vitest(): Promise<string> {
    const vitest = join(this.folder, 'node_modules', '.bin', 'vitest');
    const env = { ...process.env, ...inMemory(), NODE_OPTIONS: '', NO_COLOR: '1' };
    // A busy machine needs more than the five seconds that are Vitest's own.
    const args = ['run', '--dir', 'src', '--testTimeout', '60000'];
    const tested = execute(vitest, args, { cwd: this.folder, env });
    const { stdout, stderr } = await tested.catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return stdout + stderr;
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, 'node_modules', name));
  }

  compiled(name: string): Promise<string> {
    return readFile(join(this.folder, 'dist', name), 'utf8');
  }

  /** A compiled module of its own, such as a client. */
  load(name: string): Promise<any> {
    return import(join(this.folder, 'dist', name));
  }

  /** Starts `main.js` and waits until it answers. */
  start(env: NodeJS.ProcessEnv = {}): Promise<Served> {
    return serve(this.folder, [process.execPath, 'dist/main.js'], env);
  }

  /** What Node's own test runner says of a compiled file, as TAP; rejects with that if a test fails. */
  async nodeTests(name: string): Promise<string> {
    const env: NodeJS.ProcessEnv = { ...process.env, ...inMemory() };
    // The runner would take itself for a part of another one.
    delete env.NODE_TEST_CONTEXT;
    const args = ['--test', '--test-reporter=tap', `dist/${name}`];
    const tested = execute(process.execPath, args, { cwd: this.folder, env });
    return tested.then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => {
        throw new Error(error.stdout + error.stderr);
      },
    );
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** Where temporary files are: on a disk each write takes its time. */
function inMemory(): NodeJS.ProcessEnv {
  const memory = '/dev/shm';
  return existsSync(memory) ? { TMPDIR: memory } : {};
}

/** Installs packages into a folder, from npm's own cache if it has them. */
export async function npmInstall(folder: string, packages: readonly string[]): Promise<void> {
  const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--prefix', folder];
  await execute('npm', [...install, ...packages], { cwd: folder });
}

/** The same with pnpm, which npm installs into a folder of its own. */
async function pnpmInstall(folder: string, packages: readonly string[]): Promise<void> {
  const tool = await mkdtemp(join(tmpdir(), 'pnpm-'));
  try {
    await npmInstall(tool, ['pnpm@10']);
    const pnpm = join(tool, 'node_modules', '.bin', 'pnpm');
    await execute(pnpm, ['add', '--prefer-offline', ...packages], { cwd: folder });
  } finally {
    await rm(tool, { recursive: true });
  }
}

/** Starts a server that listens on `PORT`, and waits until it answers. */
export async function serve(
  folder: string,
  [command, ...args]: readonly [string, ...string[]],
  more: NodeJS.ProcessEnv = {},
): Promise<Served> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, PORT: String(port), NODE_ENV: 'development', ...more };
  const server = spawn(command, args, { cwd: folder, env });
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  server.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  while (!(await answers(url))) {
    if (server.exitCode !== null) throw new Error(output);
  }
  const stop = async (): Promise<void> => {
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
  };
  return { url, stop };
}

/** An application's folder, without its packages. */
async function write(
  prefix: string,
  type: ConsumerSettings['type'],
  sources: Record<string, string>,
  moreOptions: object = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  const manifest = { name: 'consumer', private: true, type };
  const compilerOptions = {
    ...{ target: 'es2022', module: 'nodenext', strict: true, types: ['node'] },
    ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
    ...{ rootDir: 'src', outDir: 'dist', skipLibCheck: true },
    ...moreOptions,
  };
  await mkdir(join(folder, 'src'));
  await mkdir(join(folder, 'test'));
  const files = {
    'package.json': JSON.stringify(manifest),
    'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'] }),
    ...Object.fromEntries(Object.entries(sources).map(([name, text]) => [join('src', name), text])),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/nowhere`).then(
    () => true,
    () => new Promise((resolve) => setTimeout(resolve, 50, false)),
  );
}

/** The files of a package, without the packages that are installed inside of it. */
async function bytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sizes = entries.map(async (entry): Promise<number> => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? 0 : bytesOf(path);
    return (await lstat(path)).size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
