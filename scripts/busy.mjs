// Runs `npm test`, or the npm script that is named, beside two processes that use a core each all the
// time: `busy.mjs [script] [times]`. What fails only here measures the machine, not the package.
import { spawn } from 'node:child_process';

import { npm } from './install.mjs';

const PROCESSES = 2;
const [script = 'test', times = '1'] = process.argv.slice(2);

const busy = Array.from({ length: PROCESSES }, () =>
  spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
);
try {
  for (let time = 0; time < Number(times) && !process.exitCode; time++) {
    process.exitCode = await npm(['run', script]);
  }
} finally {
  for (const child of busy) child.kill('SIGKILL');
}
