import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server process of its own, on the built package. */
export interface NodeServer {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a script of this folder, which prints its port when it listens. */
export async function startNodeServer(name: string, ...args: string[]): Promise<NodeServer> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const server = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(server, 'exit');
  const failed = exited.then(([code]) => {
    throw new Error(`${name} ended before it listened, by ${code}`);
  });
  const listening = once(createInterface(server.stdout), 'line') as Promise<[string]>;
  const [port] = await Promise.race([listening, failed]);
  failed.catch(() => undefined);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: server.pid!,
    async stop() {
      server.kill();
      await exited;
    },
  };
}
