import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

/** A server started by a test. */
export interface ServerProcess {
  readonly pid: number;
  readonly hasExited: boolean;
  /** What it wrote to its error output so far. */
  readonly log: string;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal (a paused server is resumed for it) and waits until the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

// The guard's standard input ends with the process that started it, whatever ended that one, and
// takes the server and its folder along: a killed test run leaves nothing behind.
export const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null & pid=$!
echo $pid
(cat <&3 >/dev/null; kill -9 $pid 2>/dev/null) & guard=$!
# Whoever read the error output may be gone, too.
exec 2>/dev/null
wait $pid
kill $guard
# Children of a killed server may still be writing.
[ -z "$SERVER_FOLDER" ] || rm -rf "$SERVER_FOLDER" || { sleep 1; rm -rf "$SERVER_FOLDER"; }
`;

/** Starts a server, as another user if `uid` is given, and removes its folder, if it has one, when it ends. */
export async function startServer(
  command: string,
  args: readonly string[],
  { folder = '', ...user }: { uid?: number; gid?: number; folder?: string } = {},
): Promise<ServerProcess> {
  const guard = spawn('sh', ['-c', GUARD, command, command, ...args], {
    ...user,
    env: { ...process.env, SERVER_FOLDER: folder },
    // A group of its own: a Ctrl-C is for the tests, and the guard follows them.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  let hasExited = false;
  let log = '';
  void exited.then(() => {
    hasExited = true;
    guard.stdin.destroy();
  });
  guard.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));

  const pid = await new Promise<number>((resolve, reject) => {
    guard.once('error', reject);
    createInterface(guard.stdout).once('line', (line) => resolve(Number(line)));
  });

  // A test that forgets to stop its server still ends.
  guard.unref();
  for (const stream of [guard.stdin, guard.stdout, guard.stderr]) {
    (stream as unknown as { unref(): void }).unref();
  }

  const signal = (name: NodeJS.Signals): void => {
    try {
      if (!hasExited) process.kill(pid, name);
    } catch {
      // It has ended, but its guard has not reported that yet.
    }
  };
  return {
    pid,
    get hasExited() {
      return hasExited;
    },
    get log() {
      return log;
    },
    signal,
    async end(name) {
      guard.ref();
      signal(name);
      signal('SIGCONT');
      await exited;
    },
  };
}

/** A port of the loopback interface on which nothing listens right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
