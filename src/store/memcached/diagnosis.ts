import type { ServerDiagnosis } from '../atomic-record.js';
import { askMeta, askSettings, askVersion } from './commands.js';
import type { MemcachedNode } from './node.js';

/** The first release with `gats`, which reads a session and renews it in one command. */
const OLDEST = [1, 5, 3];

/** The first release with today's meta protocol. */
const OLDEST_WITH_META = [1, 6, 18];

/** Examines a server. Never rejects: an unreachable server is reported as an outage. */
export async function diagnose(node: MemcachedNode, maxBytes: number): Promise<ServerDiagnosis> {
  const { server } = node;
  try {
    const version = await node.exchange(askVersion);
    // Some cloud services and proxies do not support this command.
    const settings = await node.exchange(askSettings).catch(() => undefined);
    node.speaksMeta =
      !isOlder(version, OLDEST_WITH_META) && (await node.exchange(askMeta).catch(() => false));
    node.unusable = unfitnessOf(version, settings);
    const problem = node.unusable ?? sizeProblemOf(settings, maxBytes);
    node.health.problem = problem;
    return { server, version, problem };
  } catch {
    return { server };
  }
}

function unfitnessOf(
  version: string,
  settings: ReadonlyMap<string, string> | undefined,
): string | undefined {
  if (isOlder(version, OLDEST)) {
    return `It is memcached ${version}, and sessions need ${OLDEST.join('.')} or newer.`;
  }
  if (settings?.get('cas_enabled') === 'no') {
    return 'It keeps no versions, so that no session can be changed: start it without -C.';
  }
  return undefined;
}

function sizeProblemOf(
  settings: ReadonlyMap<string, string> | undefined,
  maxBytes: number,
): string | undefined {
  const itemSize = Number(settings?.get('item_size_max'));
  if (itemSize < maxBytes) {
    return (
      `It takes items of ${itemSize} bytes at most, and maxBytes is ${maxBytes}: start it with a larger ` +
      '-I, or lower maxBytes.'
    );
  }
  return undefined;
}

function isOlder(version: string, oldest: readonly number[]): boolean {
  const [, ...parts] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  for (const [index, wanted] of oldest.entries()) {
    const part = Number(parts[index] ?? wanted);
    if (part !== wanted) return part < wanted;
  }
  return false;
}
