import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from '../support/server-process.js';

const execute = promisify(execFile);

export interface ConsumerSettings {
  readonly nest: 11 | 12;
  readonly type: 'module' | 'commonjs';
  readonly archive: string;
  /** File names in `src/` and what is in them. */
  readonly sources: Record<string, string>;
}

/** An application of somebody else's: an empty folder into which the package is installed. */
export class Consumer {
  private constructor(private readonly folder: string) {}

  static async install({ nest, type, archive, sources }: ConsumerSettings): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), `consumer-${nest}-${type}-`));
    const manifest = { name: 'consumer', private: true, type };
    const compilerOptions = {
      ...{ target: 'es2022', module: 'nodenext', strict: true, types: ['node'] },
      ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
      ...{ rootDir: 'src', outDir: 'dist', skipLibCheck: true },
    };
    await mkdir(join(folder, 'src'));
    const files = {
      'package.json': JSON.stringify(manifest),
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'] }),
      ...Object.fromEntries(
        Object.entries(sources).map(([name, text]) => [join('src', name), text]),
      ),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const packages = [
      ...['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@${nest}`),
      ...['reflect-metadata', 'rxjs', 'typescript@6', '@types/node@20', '@types/express@5'],
    ];
    const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', archive];
    await execute('npm', [...install, ...packages], { cwd: folder });
    return new Consumer(folder);
  }

  /** Compiles it as its author would; rejects with what the compiler says. */
  async compile(): Promise<void> {
    const tsc = join(this.folder, 'node_modules', '.bin', 'tsc');
    await execute(tsc, [], { cwd: this.folder }).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }

  compiled(name: string): Promise<string> {
    return readFile(join(this.folder, 'dist', name), 'utf8');
  }

  /** Starts `main.js` and waits until it answers. */
  async start(): Promise<{ url: string; stop(): Promise<void> }> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = { ...process.env, PORT: String(port), NODE_ENV: 'development' };
    const server = spawn(process.execPath, ['dist/main.js'], { cwd: this.folder, env });
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

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/nowhere`).then(
    () => true,
    () => new Promise((resolve) => setTimeout(resolve, 50, false)),
  );
}
