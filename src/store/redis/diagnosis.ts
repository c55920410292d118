import type { StoreDiagnosis } from '../../session/storage/store.js';

/** The first release with `GETEX`. */
const [LEAST_MAJOR, LEAST_MINOR] = [6, 2];

/** Reads a server's version and problem from its answer to `INFO`. */
export function diagnosisOf(info: string): StoreDiagnosis {
  const fields = new Map(
    Array.from(info.matchAll(/^([a-z_]+):(.*?)\r?$/gm), ([, name, value]) => [name!, value!]),
  );
  const valkey = fields.get('valkey_version');
  const redis = fields.get('redis_version');
  const version = valkey ?? redis;
  const problem = valkey === undefined && redis && problemOf(redis);
  const role = fields.get('role');
  if (problem) return { version, problem };
  if (role === 'slave' || role === 'replica') {
    return {
      version,
      problem:
        'this is a replica, which takes no writes. Give the address of its primary, or a client for ' +
        'Sentinel or Cluster, which finds it.',
    };
  }
  return { version };
}

function problemOf(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > LEAST_MAJOR || (major === LEAST_MAJOR && minor >= LEAST_MINOR)) return undefined;
  return `Redis ${version} cannot read and renew in one step (GETEX). Use 6.2 or later, or Valkey.`;
}
