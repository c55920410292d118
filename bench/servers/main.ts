// The server of one contender, in a process of its own: `main.js <contender> <memcached> <postgres> <redis>`.
import 'reflect-metadata';

import type { AddressInfo } from 'node:net';

import type { ContenderName } from '../contenders.js';
import { createApp } from './apps.js';
import type { ServerMessage } from './messages.js';

const [name, memcached, postgres, redis] = process.argv.slice(2) as [
  ContenderName,
  ...[string, string, string],
];

const app = await createApp(name, { memcached, postgres, redis });
await app.listen(0, '127.0.0.1');

// An exit, not a signal: Node.js then writes the CPU profile, if one was asked for.
process.on('disconnect', () => process.exit());
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  tell({ cpuMicros: user + system });
});

const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
tell({ port });

function tell(message: ServerMessage): void {
  process.send?.(message);
}
