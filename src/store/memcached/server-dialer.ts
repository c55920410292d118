import { connect, isIP, isIPv4, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import type { Command, Dialer } from './connection.js';
import { authenticate, type MemcachedCredentials } from './commands.js';
import { addressesOf } from './name-lookup.js';
import { formatAddress, type ServerAddress } from './server-address.js';

interface Settings {
  readonly tls?: ConnectionOptions | undefined;
  readonly auth?: MemcachedCredentials | undefined;
  /** Called with a warning about the server's addresses. */
  readonly onNotice: (notice: string) => void;
}

/** After how long the operating system probes an idle connection, in milliseconds. */
const KEEP_ALIVE = 30_000;

/**
 * Opens the connections to one server, and looks up its name for each. If the name has several addresses,
 * all connections use the same one for as long as the name has it: two addresses may be two servers, each
 * with a part of the sessions.
 */
export class ServerDialer implements Dialer {
  readonly isOpenedByServer: boolean;
  readonly greeting: Command<unknown> | undefined;
  /** The address in use. */
  private current: string | undefined;
  private hasWarned = false;

  constructor(
    private readonly address: ServerAddress,
    private readonly settings: Settings,
  ) {
    const { tls, auth } = settings;
    this.isOpenedByServer = tls !== undefined;
    this.greeting = auth && authenticate(auth);
  }

  async dial(signal: AbortSignal): Promise<Socket> {
    const { address } = this;
    if ('path' in address) return this.open({ path: address.path }, signal);
    const { port } = address;
    const addresses = await addressesOf(address.host);
    this.warnIfSeveral(addresses, port);
    const candidates = addresses.includes(this.current ?? '') ? [this.current!] : addresses;
    let problem: Error | undefined;
    for (const host of candidates) {
      try {
        const socket = await this.open({ host, port }, signal);
        this.useAddress(host, port);
        return socket;
      } catch (error) {
        if (signal.aborted) throw error;
        problem ??= error as Error;
      }
    }
    throw problem ?? new Error('the name of the server has no address');
  }

  private useAddress(host: string, port: number): void {
    if (this.current !== undefined && this.current !== host) {
      const [now, before] = [formatAddress(host, port), formatAddress(this.current, port)];
      this.settings.onNotice(
        `It is now at ${now}, and was at ${before}. Sessions that were there are not found any more.`,
      );
    }
    this.current = host;
  }

  private warnIfSeveral(addresses: readonly string[], port: number): void {
    const ofIpv4 = addresses.filter((address) => isIPv4(address)).length;
    if (Math.max(ofIpv4, addresses.length - ofIpv4) < 2 || this.hasWarned) return;
    this.hasWarned = true;
    this.settings.onNotice(
      `The name has ${addresses.length} addresses, of which one is used. If each of them is a server, ` +
        `give { dns: '${formatAddress((this.address as { host: string }).host, port)}' }.`,
    );
  }

  private open(target: ServerAddress, signal: AbortSignal): Promise<Socket> {
    const { tls } = this.settings;
    // Without `noDelay`, small commands would wait for the acknowledgement of earlier ones.
    const common = { ...target, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE };
    const socket = tls ? connectTls({ ...this.serverName(), ...tls, ...common }) : connect(common);
    return new Promise((resolve, reject) => {
      const abort = () => {
        socket.destroy();
        reject(new Error('connecting took too long'));
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      const done = () => {
        signal.removeEventListener('abort', abort);
        socket.off('error', fail);
      };
      const fail = (error: Error) => {
        done();
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      };
      socket.once('error', fail);
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        done();
        resolve(socket);
      });
    });
  }

  /** The certificate is for the name, not for the address. */
  private serverName(): ConnectionOptions {
    const { address } = this;
    return 'host' in address && !isIP(address.host) ? { servername: address.host } : {};
  }
}
