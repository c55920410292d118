import { MemcachedNode } from './memcached-node.js';
import type { MemcachedOptions } from './memcached-options.js';
import { emptyUnlessNew } from './returned-server.js';
import type { ServerHealth } from '../server-health.js';
import { best, rank } from './server-ranking.js';

/** Between a version and the number of the server that gave it. */
const AT = '@';

/** With `rehash` a record is looked for on so many servers: its own, and the one that stands in. */
const PLACES = 2;

/** The memcached servers, and which key is where. */
export class MemcachedNodes {
  private readonly nodes: readonly MemcachedNode[];
  /** Each in a list of its own, since asked for by each reading. */
  private readonly alone: ReadonlyMap<MemcachedNode, readonly MemcachedNode[]>;
  private readonly rehash: boolean;

  constructor(options: MemcachedOptions) {
    const servers = [options.servers].flat();
    this.rehash = options.rehash === true && servers.length > 1;
    const onReturn = this.rehash ? emptyUnlessNew : undefined;
    this.nodes = servers.map((server) => new MemcachedNode(server, options, onReturn));
    this.alone = new Map(this.nodes.map((node) => [node, [node]]));
  }

  get health(): readonly ServerHealth[] {
    return this.nodes.map(({ health }) => health);
  }

  /** Where a key is stored: on its own server, or with `rehash` on the next one that is not down. */
  placeOf(key: string): MemcachedNode {
    return this.rehash ? this.placesOf(key)[0]! : best(this.nodes, key);
  }

  /** Where a record can be, the likeliest first: what stood in for a server still has what it took. */
  placesOf(key: string): readonly MemcachedNode[] {
    const own = best(this.nodes, key);
    if (!this.rehash) return this.alone.get(own)!;
    const inUse = rank(this.nodes, key).filter(({ health }) => !health.isDown);
    return inUse.length > 0 ? inUse.slice(0, PLACES) : this.alone.get(own)!;
  }

  /** A version, and with `rehash` which server it is one of. */
  versionAt(node: MemcachedNode, version: string): string {
    return this.rehash ? version + AT + this.nodes.indexOf(node) : version;
  }

  /** The server and the version of what `versionAt` made. */
  locate(key: string, versionAt: string): [node: MemcachedNode, version: string] {
    if (!this.rehash) return [best(this.nodes, key), versionAt];
    const [version, number] = versionAt.split(AT);
    return [this.nodes[Number(number)] ?? best(this.nodes, key), version!];
  }

  close(): void {
    for (const node of this.nodes) node.close();
  }
}
