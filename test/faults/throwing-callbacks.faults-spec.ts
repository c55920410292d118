import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it } from '@jest/globals';

import { visitor } from '../support/http-client.js';

const SCRIPT = fileURLToPath(new URL('../support/request-session-server.mjs', import.meta.url));
const METHODS = ['save', 'reload', 'regenerate', 'destroy'];
const stops: (() => Promise<unknown>)[] = [];

async function startServer(...args: string[]) {
  const server = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  const errors = text(server.stderr);
  stops.push(() => {
    server.kill();
    return exited;
  });
  const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
  return { errors, exited, somebody: visitor(`http://127.0.0.1:${port}`) };
}

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe.each(['nestjs-session-manager', 'express-session'])(
  'a callback of request.session that throws, with %s',
  (library) => {
    it.each(METHODS)('ends the process, as any uncaught exception does: %s()', async (method) => {
      const { errors, exited, somebody } = await startServer(library);
      await somebody.post('/enter');
      await expect(somebody.post(`/throwing/${method}`)).rejects.toThrow();
      expect(await exited).toEqual([1, null]);
      expect(await errors).toContain(`Error: thrown by the callback of ${method}()`);
    });

    it('harms no response in a process that survives it', async () => {
      const { somebody } = await startServer(library, 'survives');
      for (const method of METHODS) await somebody.post(`/throwing/${method}`);
      const { status, json } = await somebody.post('/throwing/save');
      expect(status).toBe(201);
      expect(json).toEqual(
        [...METHODS, 'save'].map((name) => ({
          message: `thrown by the callback of ${name}()`,
          origin: 'uncaughtException',
        })),
      );
    });
  },
);
