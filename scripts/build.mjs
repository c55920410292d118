// Compiles the package, and what is written on it; a failed build ends the script.
import { npm, run } from './install.mjs';

export async function buildPackage() {
  // `npm test` builds it once, for all its parts.
  if (process.env.PACKAGE_IS_BUILT) return;
  await build('package', () => npm(['run', '--silent', 'build']));
}

/** `project`: the path of a tsconfig file. */
export function buildProject(what, project) {
  return build(what, () =>
    run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project]),
  );
}

async function build(what, action) {
  console.log(`Building the ${what} …`);
  if ((await action()) !== 0) process.exit(1);
}
