import type { IncomingMessage, Server } from 'node:http';

/**
 * Tells of each request that opens a WebSocket, before those who serve it. It joins them, and does not
 * come first: a server without any answers such a request like another one, and with one does not.
 */
export function listenToUpgrades(
  server: Server,
  onUpgrade: (request: IncomingMessage) => void,
): void {
  const listen = () => void server.prependListener('upgrade', onUpgrade);
  if (server.listenerCount('upgrade') > 0) return listen();
  server.on('newListener', function join(event: string | symbol) {
    if (event !== 'upgrade') return;
    server.off('newListener', join);
    listen();
  });
}
