// Everything a change has to pass, in the order in which it fails fastest.
// The last line is the count of the tests: `N passed, N failed`.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  ensureChromium,
  ensureMemcached,
  ensurePackages,
  ensurePostgres,
  ensureRedis,
  ensureValkey,
  npm,
  root,
} from './install.mjs';

// The sample is linted and type-checked against the built package. Two rows at a time, the longest first.
const checks = [
  [['build'], ['format:check']],
  [['lint'], ['types', 'imports', 'lint:package', 'docs']],
];
// A run that hangs ends as a failed one.
const timeout = 25 * 60_000;
const suites = [
  ...['test:unit', 'test:e2e', 'test:security', 'fuzz'],
  ...['simulate', 'test:races', 'test:faults', 'test:sample', 'test:browser', 'test:package'],
];
// As many random cases as there is time for here; `npm run test:races`, `npm run fuzz` and `npm run simulate` play more.
process.env.RACES ??= '200';
process.env.FUZZ ??= '2000';
process.env.SCHEDULES ??= '3000';
// The same schedules in every run: what they show is then the change's.
process.env.SIMULATE_SEED ??= '11';
// Faults as short, and without the peer; `npm run test:faults` takes its time.
process.env.FAULTS ??= '0.6';
// Half of the ways to send in each place; in all places together each is tried.
process.env.EDGE ??= '8';

await ensurePackages();
await ensureMemcached();
await ensurePostgres();
await ensureChromium();
await ensureRedis();
await ensureValkey();

// Two files at a time, as they mostly wait for servers. The others use the machine alone, or measure it.
const PARALLEL = ['test:unit', 'test:e2e', 'test:security', 'test:faults', 'test:package'];

const reports = mkdtempSync(join(tmpdir(), 'test-reports-'));
let passed = 0;
let failed = 0;

try {
  const failedCheck = await firstFailed();
  if (failedCheck) {
    console.log(`\n${failedCheck} failed, so no test was run.`);
    failed = 1;
  } else {
    for (const suite of suites) await runSuite(suite);
  }
} finally {
  rmSync(reports, { recursive: true, force: true });
}

console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function firstFailed() {
  for (const rows of checks) {
    const [failedCheck] = (await Promise.all(rows.map(firstFailedOf))).filter(Boolean);
    if (failedCheck) return failedCheck;
    process.env.PACKAGE_IS_BUILT = '1';
  }
  return undefined;
}

async function firstFailedOf(names) {
  for (const name of names) if ((await step(name, () => check(name))) !== 0) return name;
  return undefined;
}

/** Prints what the check says in one piece, as another one runs beside it. */
async function check(name) {
  const output = [];
  const code = await npm(['run', '--silent', name], {
    stdio: ['inherit', 'pipe', 'pipe'],
    onOutput: (chunk) => output.push(chunk),
  });
  process.stdout.write(Buffer.concat(output));
  return code;
}

async function runSuite(name) {
  if (name === 'test:sample' && !existsSync(join(root, 'sample-app/test'))) return;

  const file = join(reports, `${name.replace(':', '-')}.json`);
  const args = ['--json', `--outputFile=${file}`];
  if (PARALLEL.includes(name)) args.push('--maxWorkers=2');
  const code = await step(name, () => npm(['run', '--silent', name, '--', ...args], { timeout }));
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  const failures = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
  passed += report?.numPassedTests ?? 0;
  // A run that failed without a failed test (no test found, an open handle, a crash) counts as one.
  failed += failures === 0 && code !== 0 ? 1 : failures;
}

async function step(name, action) {
  console.log(`\n▶ ${name}`);
  const start = performance.now();
  const code = await action();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✔' : '✖'} ${name} (${seconds} s)`);
  return code;
}
