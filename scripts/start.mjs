// Builds the package and the sample app, and runs the sample on http://localhost:3000.
import { spawn } from 'node:child_process';
import { setInterval } from 'node:timers';

import { buildPackage, buildProject } from './build.mjs';
import { ensurePackages, root } from './install.mjs';

await ensurePackages();
await buildPackage();
await buildProject('sample app', 'sample-app/tsconfig.build.json');

const app = spawn(process.execPath, ['sample-app/dist/main.js'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PORT: process.env.PORT ?? '3000' },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => app.kill(signal));
// npm does not pass on the signal by which it is stopped itself.
const npm = process.ppid;
setInterval(() => process.ppid !== npm && app.kill(), 500).unref();
app.once('exit', (code, signal) => {
  // Ended by the signal it was sent: that is how it is stopped, not a failure.
  process.exitCode = signal ? 0 : code;
});
