import { printable } from '../../session/printable.js';
import { setTimeout as delay } from 'node:timers/promises';

import { BoundedCalls } from '../bounded-calls.js';
import { ServerHealth } from '../server-health.js';
import { askClusterConfiguration } from './commands.js';
import { MemcachedNode, type NodeLocation, type NodeSettings } from './node.js';
import { addressesOf } from './name-lookup.js';
import { formatAddress, parseAddress } from './server-address.js';

/** Where a list of servers comes from. */
export interface ServerSource {
  /** Kind and name, such as `dns cache.internal:11211`. */
  readonly name: string;
  /** Seconds from one read of the list to the next. */
  readonly pollEvery: number;
  list(): Promise<NodeLocation[]>;
}

/** Each address of a name is a server: a headless service of Kubernetes, or round-robin DNS. */
export function dnsSource(name: string, pollEvery: number, weight: number): ServerSource {
  const { host, port } = parseAddress(name) as { host: string; port: number };
  return {
    name: `dns ${name}`,
    pollEvery,
    async list() {
      const addresses = await addressesOf(host);
      return addresses.map((address) => ({
        ...{ server: formatAddress(address, port), weight },
        address: { host: address, port },
      }));
    },
  };
}

/**
 * The nodes of an Amazon ElastiCache cluster, from its configuration endpoint: a version, then
 * `host|ip|port` of each node. The ip may be missing.
 *
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoDiscovery.AddingToYourClientLibrary.html
 */
export function elastiCacheSource(
  endpoint: string,
  pollEvery: number,
  settings: NodeSettings,
): ServerSource {
  const address = parseAddress(endpoint)!;
  const location = { server: endpoint, weight: 1, address };
  return {
    name: `elasticache ${endpoint}`,
    pollEvery,
    async list() {
      // A new connection for each read: the endpoint's name leads to one node or another.
      const node = new MemcachedNode(location, { ...settings, connections: 1 });
      try {
        return nodesIn(await node.exchange(askClusterConfiguration));
      } finally {
        node.close();
      }
    },
  };
}

/** @throws Error if the configuration has another format */
export function nodesIn(configuration: string): NodeLocation[] {
  const [, nodes = ''] = configuration.trim().split('\n');
  return nodes
    .trim()
    .split(' ')
    .map((node) => {
      const [host, ip, port] = node.split('|');
      const server = printable(formatAddress(host ?? '', Number(port)));
      const address = parseAddress(formatAddress(ip || host || '', Number(port)));
      if (!host || !address) throw new Error('the configuration of the cluster cannot be read');
      return { server, weight: 1, address };
    });
}

/** Seconds between two attempts to read the first list. */
const RETRY = 1;

/** Reads one list regularly and reports its servers. */
export class Discovery {
  readonly health: ServerHealth;
  /** The last list; empty before the first was read. */
  found: readonly NodeLocation[] = [];
  private refreshing: Promise<void> | undefined;
  private readonly closed = new AbortController();
  private isPolling = false;
  /** The last read failed, and this was reported. */
  private isOutdated = false;
  private readonly calls: BoundedCalls;

  constructor(
    private readonly source: ServerSource,
    timeout: number,
    private readonly onChange: () => void,
  ) {
    this.calls = new BoundedCalls(timeout);
    this.health = new ServerHealth(source.name, { probe: () => this.refresh() });
  }

  /** Reads the list now (parallel calls share one read), and regularly from then on. */
  refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = undefined));
    void this.poll();
    return this.refreshing;
  }

  close(): void {
    this.closed.abort();
    this.health.close();
  }

  private async read(): Promise<void> {
    const list = async (): Promise<readonly NodeLocation[]> => {
      const listed = await this.calls.run(() => this.source.list());
      if (listed.length === 0) throw new Error('it lists no server');
      return listed;
    };
    if (this.found.length === 0) this.found = await this.health.observe(list);
    else this.found = await list().catch((error: Error) => this.keepLast(error));
    this.isOutdated = false;
    this.onChange();
  }

  /** Reports the error once. The last list stays in use, so no operation fails. */
  private keepLast(error: Error): never {
    if (!this.isOutdated) {
      const { name } = this.source;
      const notice =
        `The list of servers of ${name} cannot be read (${error.message}). The last one stays in use, ` +
        'until it can.';
      this.health.notify((watcher) => watcher.noticed(notice));
    }
    this.isOutdated = true;
    throw error;
  }

  private async poll(): Promise<void> {
    if (this.isPolling) return;
    this.isPolling = true;
    const { signal } = this.closed;
    while (!signal.aborted) {
      await this.refreshing?.catch(() => undefined);
      const seconds = this.found.length > 0 ? this.source.pollEvery : RETRY;
      await delay(seconds * 1000, undefined, { ref: false, signal }).catch(() => undefined);
      // `read()` has reported the error.
      if (!signal.aborted) await this.refresh().catch(() => undefined);
    }
  }
}
