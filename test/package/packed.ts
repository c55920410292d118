import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Packed {
  /** The archive as `npm publish` would send it. */
  readonly archive: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly files: string[];
  remove(): Promise<void>;
}

/** What `npm pack` makes of the package as it was last built. */
export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'packed-'));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await execute('npm', args, { cwd: root });
  const [packed] = JSON.parse(stdout) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  return {
    archive: join(folder, packed.filename),
    size: packed.size,
    files: packed.files.map(({ path }) => path),
    remove: () => rm(folder, { recursive: true }),
  };
}
