import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterAll, beforeAll } from '@jest/globals';

import { startMemcached, type Memcached } from '../support/memcached.js';
import { freePort } from '../support/server-process.js';

export interface Sample {
  readonly url: string;
  readonly memcached: Memcached;
  /** memcached comes back at its address, empty. */
  restartMemcached(): Promise<void>;
}

/** The built sample on a memcached, for all tests of a file. */
export function useSample(): Sample {
  const sample = {} as { url: string; memcached: Memcached };
  let stop: () => Promise<void>;

  beforeAll(async () => {
    sample.memcached = await startMemcached();
    const port = await freePort();
    const env = {
      ...{ ...process.env, PORT: String(port), NODE_ENV: 'development' },
      MEMCACHED_SERVERS: sample.memcached.server,
    };
    const app = spawn(process.execPath, ['sample-app/dist/main.js'], { env });
    let output = '';
    for (const stream of [app.stdout, app.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    stop = async () => {
      app.kill('SIGKILL');
      if (app.exitCode === null && app.signalCode === null) await once(app, 'exit');
    };
    sample.url = `http://localhost:${port}`;
    while (!(await answers(sample.url))) {
      if (app.exitCode !== null) throw new Error(output);
    }
  }, 60_000);

  afterAll(async () => {
    await stop();
    await sample.memcached.stop();
  });

  return Object.assign(sample, {
    async restartMemcached() {
      sample.memcached = await startMemcached({ port: sample.memcached.port });
    },
  });
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/about`).then(
    () => true,
    () => new Promise((resolve) => setTimeout(resolve, 100, false)),
  );
}
