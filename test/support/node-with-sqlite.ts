import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

const execute = promisify(execFile);

/** A Node.js that has SQLite, for machines whose own has none; from npm, and kept for the next run. */
const NODE = '24';
const FOLDER = join(process.cwd(), 'node_modules/.cache/node-with-sqlite');

/** Milliseconds; the first run loads a Node.js, and a machine may be busy. */
const TIMEOUT = 300_000;

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly message: string }[];
}

/** Runs these tests of a file here, or has all tests of the file run by a Node.js that has SQLite. */
export function withSqlite(file: string, tests: () => void, project = 'unit'): void {
  if (hasSqlite()) return tests();
  describe('with a later Node.js', () => {
    it(
      `passes all tests of ${file}`,
      async () => {
        const node = await nodeWithSqlite();
        const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
        const args = [
          ...jest,
          '--selectProjects',
          project,
          '--ci',
          '--json',
          '--testPathPatterns',
          file,
        ];
        // Ends with an error if a test has failed; the report is the same.
        const ended = await execute(node, args, { maxBuffer: 2 ** 26, env: envOfItsOwn() }).catch(
          (error: unknown) => error as { stdout: string },
        );
        const { numFailedTests, numPassedTests, testResults } = JSON.parse(ended.stdout) as Report;
        const told = testResults.map(({ message }) => message).join('\n');
        expect({ numFailedTests, told }).toEqual({ numFailedTests: 0, told: '' });
        expect(numPassedTests).toBeGreaterThan(0);
      },
      TIMEOUT,
    );
  });
}

export function hasSqlite(): boolean {
  return process.getBuiltinModule?.('node:sqlite') !== undefined;
}

/** The path of its binary. */
export async function nodeWithSqlite(): Promise<string> {
  if (hasSqlite()) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(FOLDER, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) {
    mkdirSync(FOLDER, { recursive: true });
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', FOLDER];
    await execute('npm', [...args, `${name}@${NODE}`]);
  }
  return binary;
}

/** Without the variables that Jest sets for its own workers. */
function envOfItsOwn(): NodeJS.ProcessEnv {
  const { JEST_WORKER_ID: _worker, ...env } = process.env;
  return env;
}
