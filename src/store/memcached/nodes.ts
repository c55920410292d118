import { SessionStoreError } from '../../session/errors.js';
import type { ServerDiagnosis } from '../atomic-record.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';
import { Discovery, dnsSource, elastiCacheSource } from './discovery.js';
import { MemcachedNode, type CommandFor, type NodeLocation, type NodeSettings } from './node.js';
import type { CheckedMemcachedOptions } from './options.js';
import { best } from './server-ranking.js';

/** The memcached servers. Chooses the server of a key. */
export class MemcachedNodes {
  private nodes: MemcachedNode[] = [];
  private readonly settings: NodeSettings;
  private readonly fixed: readonly NodeLocation[];
  private readonly discoveries: readonly Discovery[];
  private readonly watchers: ServerWatcher[] = [];
  private diagnoseNode: ((node: MemcachedNode) => Promise<ServerDiagnosis>) | undefined;

  constructor({ servers, ...settings }: CheckedMemcachedOptions) {
    this.settings = settings;
    this.fixed = servers.filter((server) => 'address' in server);
    const onChange = () => this.update();
    this.discoveries = servers.flatMap((server) => {
      if ('address' in server) return [];
      const { pollEvery } = server;
      const source =
        'dns' in server
          ? dnsSource(server.dns, pollEvery, server.weight)
          : elastiCacheSource(server.elasticache, pollEvery, settings);
      return [new Discovery(source, settings.timeout, onChange)];
    });
    this.update();
  }

  /** The health of each server, and of each server list that has never been read. */
  get health(): readonly ServerHealth[] {
    const pending = this.discoveries.filter(({ found }) => found.length === 0);
    return [...this.nodes, ...pending].map(({ health }) => health);
  }

  /** Also watches servers that are found later. */
  watch(watcher: ServerWatcher): void {
    this.watchers.push(watcher);
    for (const { health } of [...this.nodes, ...this.discoveries]) health.watch(watcher);
  }

  unwatch(watcher: ServerWatcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at !== -1) this.watchers.splice(at, 1);
    for (const { health } of [...this.nodes, ...this.discoveries]) health.unwatch(watcher);
  }

  /** Sends a command to the server of a key. `operation`: what it is for. */
  send<T>(key: string, command: CommandFor<T>, operation: string): Promise<T> {
    if (this.nodes.length === 0) return this.sendLater(key, command, operation);
    return best(this.nodes, key).send(command, operation);
  }

  /** Examines each server now; later, servers that are new on a list or were down. */
  async diagnose(
    diagnoseNode: (node: MemcachedNode) => Promise<ServerDiagnosis>,
  ): Promise<ServerDiagnosis[]> {
    this.diagnoseNode = diagnoseNode;
    await Promise.allSettled(this.discoveries.map((discovery) => discovery.refresh()));
    return Promise.all(this.nodes.map(diagnoseNode));
  }

  close(): void {
    for (const part of [...this.discoveries, ...this.nodes]) part.close();
  }

  private async sendLater<T>(key: string, command: CommandFor<T>, operation: string): Promise<T> {
    const refreshes = this.discoveries.map((discovery) =>
      discovery.health.isDown ? Promise.reject(discovery.health.refusal()) : discovery.refresh(),
    );
    await Promise.any(refreshes).catch(({ errors }: AggregateError) => {
      throw new SessionStoreError({ cause: errors[0] });
    });
    return best(this.nodes, key).send(command, operation);
  }

  /** Applies the lists. Servers that stay keep their connections. */
  private update(): void {
    const isFirst = this.nodes.length === 0;
    const listed = [...this.fixed, ...this.discoveries.flatMap(({ found }) => found)];
    const wanted = new Map(listed.map((location) => [identityOf(location), location]));
    const present = new Map(this.nodes.map((node) => [identityOf(node.location), node]));
    const gone = [...present].filter(([identity]) => !wanted.has(identity));
    const added = [...wanted].filter(([identity]) => !present.has(identity));
    if (gone.length === 0 && added.length === 0) return;

    this.nodes = Array.from(wanted, ([identity, location]) => {
      return present.get(identity) ?? this.open(location);
    });
    for (const [, node] of gone) node.close();
    if (isFirst) return;
    for (const node of this.nodes) {
      if (!present.has(identityOf(node.location))) void this.reportProblem(node);
    }
    const names = (nodes: readonly (readonly [string, { readonly server: string }])[]) =>
      nodes.map(([, { server }]) => server).join(', ') || 'none';
    const notice =
      `The list of memcached servers has changed. New: ${names(added)}. Gone: ${names(gone)}. ` +
      'Sessions whose server is another one now are not found any more.';
    for (const watcher of this.watchers) watcher.noticed(notice);
  }

  private open(location: NodeLocation): MemcachedNode {
    const node = new MemcachedNode(location, this.settings);
    for (const watcher of this.watchers) node.health.watch(watcher);
    node.health.watch({
      // The server may have been removed from its list.
      outageBegan: () => {
        for (const discovery of this.discoveries) discovery.refresh().catch(() => undefined);
      },
      outageEnded: () => void this.reportProblem(node),
      noticed: () => undefined,
    });
    return node;
  }

  private async reportProblem(node: MemcachedNode): Promise<void> {
    const { server, problem } = (await this.diagnoseNode?.(node)) ?? {};
    if (problem)
      node.health.notify((watcher) => watcher.noticed(`memcached ${server}: ${problem}`));
  }
}

/** A server with another address is another server, even if the name is the same. */
function identityOf({ server, weight, address }: NodeLocation): string {
  return JSON.stringify([server, weight, address]);
}
