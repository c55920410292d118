import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A connection to a server that a test answers by hand. */
export interface ManualConnection {
  readonly socket: Socket;
  /** All lines that have come so far. */
  readonly lines: readonly string[];
  readonly isClosed: boolean;
  /** Resolves with all lines, as soon as there are this many. */
  untilLines(count: number): Promise<readonly string[]>;
  untilClosed(): Promise<void>;
  reply(text: string): void;
}

export interface ManualServer {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  readonly connections: readonly ManualConnection[];
  /** The connection that is made as the n-th one, the first being 0. */
  connection(n: number): Promise<ManualConnection>;
  /** Is called for each line of each connection from now on. */
  onLine(listener: (line: string, connection: ManualConnection) => void): void;
  close(): Promise<void>;
}

/** A TCP server that sends only what a test makes it send. */
export async function manualServer(): Promise<ManualServer> {
  const connections: ManualConnection[] = [];
  const watchers = new Set<() => void>();
  const changed = (): void => [...watchers].forEach((watcher) => watcher());
  let listener: (line: string, connection: ManualConnection) => void = () => undefined;

  const until = (isReached: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!isReached()) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
    });

  const server = createServer((socket) => {
    const lines: string[] = [];
    let rest = '';
    let isClosed = false;
    const connection: ManualConnection = {
      socket,
      lines,
      get isClosed() {
        return isClosed;
      },
      async untilLines(count) {
        await until(() => lines.length >= count);
        return lines;
      },
      untilClosed: () => until(() => isClosed),
      reply: (text) => void socket.write(text),
    };
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      isClosed = true;
      changed();
    });
    socket.on('data', (chunk: Buffer) => {
      const pieces = (rest + chunk.toString('latin1')).split('\r\n');
      rest = pieces.pop()!;
      lines.push(...pieces);
      for (const line of pieces) listener(line, connection);
      changed();
    });
    connections.push(connection);
    changed();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    server: `127.0.0.1:${port}`,
    connections,
    async connection(n) {
      await until(() => connections.length > n);
      return connections[n]!;
    },
    onLine: (next) => void (listener = next),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const { socket } of connections) socket.destroy();
      await closed;
    },
  };
}
