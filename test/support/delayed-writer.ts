import type { Socket } from 'node:net';

/** Writes in the order of the calls, even if a later one asks for a shorter delay. */
export function delayedWriter(socket: Socket): (bytes: Buffer, delay: number) => void {
  const waiting: Buffer[] = [];
  let last = 0;
  // Whichever timer is the first: Node.js does not keep those in order that differ by a millisecond.
  const writeFirst = (): void => {
    const bytes = waiting.shift()!;
    if (!socket.destroyed) socket.write(bytes);
  };
  return (bytes, delay) => {
    if (delay === 0 && waiting.length === 0) return void socket.write(bytes);
    last = Math.max(last, performance.now() + delay);
    waiting.push(bytes);
    setTimeout(writeFirst, last - performance.now());
  };
}
