import { scriptedMemcached } from './scripted-memcached.js';

/** A configuration endpoint as that of an Amazon ElastiCache cluster. */
export interface ClusterEndpoint {
  /** `127.0.0.1:port` */
  readonly server: string;
  /** Lists these from now on, as `host|ip|port`. */
  list(...nodes: string[]): void;
  /** Answers this from now on; `undefined`: nothing. */
  answer(reply: string | undefined): void;
  /** Resolves when it has answered this number of further requests. */
  untilAsked(times: number): Promise<void>;
  close(): Promise<void>;
}

/** What such an endpoint answers with this configuration. */
export function clusterReply(configuration: string): string {
  return `CONFIG cluster 0 ${Buffer.byteLength(configuration)}\r\n${configuration}\r\nEND\r\n`;
}

export async function clusterEndpoint(): Promise<ClusterEndpoint> {
  const server = await scriptedMemcached();
  const waiting = new Set<() => void>();
  let version = 0;
  let reply: string | undefined;
  server.answer(({ name }) => {
    if (name !== 'config') return 'ERROR\r\n';
    for (const asked of waiting) asked();
    return reply;
  });
  return {
    server: server.server,
    list(...nodes) {
      reply = clusterReply(`${++version}\n${nodes.join(' ')}\n`);
    },
    answer: (next) => void (reply = next),
    untilAsked: (times) =>
      new Promise((resolve) => {
        let left = times;
        const asked = (): void => {
          if (--left > 0) return;
          waiting.delete(asked);
          setImmediate(resolve);
        };
        waiting.add(asked);
      }),
    close: () => server.close(),
  };
}
