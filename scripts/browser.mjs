// Builds the package and the sample, and runs the tests in a browser; options go to Jest.
import { buildPackage, buildProject } from './build.mjs';
import { ensureChromium, ensureMemcached, ensurePackages, npm } from './install.mjs';

await ensurePackages();
await ensureMemcached();
await ensureChromium();
await buildPackage();
await buildProject('sample app', 'sample-app/tsconfig.build.json');
const options = ['--selectProjects', 'browser', '--ci', '--runInBand', ...process.argv.slice(2)];
process.exitCode = await npm(['run', '--silent', 'jest', '--', ...options]);
