import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { delayedWriter } from './delayed-writer.js';
import { commandReader, keyOf, replyReader, type ProtocolUnit } from './memcached-protocol.js';

export interface RecordedCommand {
  /** `gats`, `cas`, … */
  readonly name: string;
  readonly key: string;
  /** The command's line, without its data block. */
  readonly line: string;
}

/** What becomes of a reply on its way. */
export interface ChangedReply {
  readonly bytes: Buffer;
  /** Milliseconds until it continues. */
  readonly delay?: number;
  /** Resets the connection behind it. */
  readonly thenReset?: boolean;
}

/** Stands between a client and memcached, counts what passes and makes what goes wrong. */
export interface RecordingProxy {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  /** The commands clients sent, in the order in which they came. */
  readonly commands: RecordedCommand[];
  /** How many connections were made so far. */
  readonly connections: number;
  /** Forgets the commands. */
  reset(): void;
  delayReplies(ms: number): void;
  delayCommands(ms: number): void;
  /** Replaces each line of a reply, with its data block. `undefined`: nothing more is sent. */
  changeReplies(change: ((reply: Buffer) => ChangedReply) | undefined): void;
  /** Answers whatever stores as a memcached without memory does. Reads go through. */
  failWrites(on: boolean): void;
  /** Replaces the version of each `cas` by an older one, as if another client had always been first. */
  outdateWrites(on: boolean): void;
  /** Keeps replies back, and sends all of them when it is over. */
  holdReplies(on: boolean): void;
  /** Swallows everything, both ways; connections stay open. */
  hang(on: boolean): void;
  /** Breaks off all connections. */
  cut(): void;
  /** Refuses new connections, on the same port; those that are open stay. */
  refuse(on: boolean): Promise<void>;
  close(): Promise<void>;
}

const WRITES = new Set(['add', 'append', 'cas', 'ms', 'prepend', 'replace', 'set']);
const OUT_OF_MEMORY = Buffer.from('SERVER_ERROR out of memory storing object\r\n');
// A refused write becomes memcached's no-op on its way, so that its answer keeps its turn.
const NO_OP = Buffer.from('mn\r\n');
const NO_OP_REPLY = 'MN';

export async function recordingProxy(targetPort: number): Promise<RecordingProxy> {
  const sockets = new Set<Socket>();
  const commands: RecordedCommand[] = [];
  const faults = { replyDelay: 0, commandDelay: 0, failWrites: false, outdate: false, hang: false };
  let held: (() => void)[] | undefined;
  let changeReply: ((reply: Buffer) => ChangedReply) | undefined;
  let connections = 0;

  const serve = (client: Socket): void => {
    connections++;
    const upstream = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // A test that forgets to close its proxy still ends.
      socket.unref();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }

    let refusedWrites = 0;
    const toServer = delayedWriter(upstream);
    const toClient = delayedWriter(client);

    const receiveCommand = ({ line, bytes }: ProtocolUnit): void => {
      const name = line.split(' ', 1)[0] ?? '';
      commands.push({ name, key: keyOf(line), line });
      if (faults.hang) return;
      if (faults.outdate && name === 'cas') {
        return toServer(outdated(line, bytes), faults.commandDelay);
      }
      if (!faults.failWrites || !WRITES.has(name)) return toServer(bytes, faults.commandDelay);
      if (line.endsWith(' noreply')) return;
      refusedWrites++;
      toServer(NO_OP, faults.commandDelay);
    };
    const receiveReply = (reply: ProtocolUnit): void => {
      if (held) held.push(() => passReply(reply));
      else passReply(reply);
    };
    const passReply = ({ line, bytes }: ProtocolUnit): void => {
      if (faults.hang) return;
      if (changeReply) return sendChanged(changeReply(bytes));
      if (line !== NO_OP_REPLY || refusedWrites === 0) return toClient(bytes, faults.replyDelay);
      refusedWrites--;
      toClient(OUT_OF_MEMORY, faults.replyDelay);
    };

    const sendChanged = ({ bytes, delay = 0, thenReset = false }: ChangedReply): void => {
      toClient(bytes, delay);
      if (thenReset) client.resetAndDestroy();
    };

    const fromClient = commandReader();
    const fromServer = replyReader();
    client.on('data', (chunk: Buffer) => fromClient.read(chunk).forEach(receiveCommand));
    upstream.on('data', (chunk: Buffer) => fromServer.read(chunk).forEach(receiveReply));
  };

  let server: Server | undefined = await listen(0, serve);
  const { port } = server.address() as AddressInfo;

  const stopListening = (): void => {
    // Its callback waits for the connections; the port is free at once.
    server?.close();
    server = undefined;
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    port,
    server: `127.0.0.1:${port}`,
    commands,
    get connections() {
      return connections;
    },
    reset: () => void commands.splice(0),
    delayReplies: (ms) => void (faults.replyDelay = ms),
    delayCommands: (ms) => void (faults.commandDelay = ms),
    changeReplies: (change) => void (changeReply = change),
    failWrites: (on) => void (faults.failWrites = on),
    outdateWrites: (on) => void (faults.outdate = on),
    holdReplies(on) {
      const replies = held?.splice(0) ?? [];
      held = on ? replies : undefined;
      if (!on) for (const pass of replies) pass();
    },
    hang: (on) => void (faults.hang = on),
    cut,
    async refuse(on) {
      if (on) stopListening();
      else server ??= await listen(port, serve);
    },
    async close() {
      const closed = new Promise((resolve) =>
        server ? server.once('close', resolve) : resolve(0),
      );
      stopListening();
      cut();
      await closed;
    },
  };
}

/** A `cas` of a version that nothing has any more. */
function outdated(line: string, bytes: Buffer): Buffer {
  const words = line.split(' ');
  words[5] = '0';
  return Buffer.concat([Buffer.from(words.join(' ')), bytes.subarray(line.length)]);
}

async function listen(port: number, serve: (client: Socket) => void): Promise<Server> {
  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  return server;
}
