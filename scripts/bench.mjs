// Builds the package and the bench, and runs one of its programs: `bench.mjs side-by-side [options]`.
import { buildPackage, buildProject } from './build.mjs';
import { ensureMemcached, ensurePackages, ensurePostgres, ensureRedis, run } from './install.mjs';

const [program, ...options] = process.argv.slice(2);

await ensurePackages();
await ensureMemcached();
await ensurePostgres();
await ensureRedis();
await buildPackage();
await buildProject('bench', 'bench/tsconfig.json');
process.exitCode = await run(process.execPath, [`bench/dist/bench/${program}.js`, ...options]);
