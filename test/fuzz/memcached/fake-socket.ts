import { Duplex } from 'node:stream';

import type { After, ServerEnd } from './answering.js';

/** A socket without a network. `readsAfter`: how many ticks the other end takes to read what is written. */
export class FakeSocket extends Duplex implements ServerEnd {
  onBytes: (bytes: Buffer) => void = () => undefined;

  constructor(
    private readonly after: After,
    private readonly readsAfter: number,
  ) {
    // So small that a few commands fill it.
    super({ allowHalfOpen: false, ...(readsAfter > 0 && { writableHighWaterMark: 64 }) });
  }

  get isClosed(): boolean {
    return this.destroyed;
  }

  send(bytes: Buffer): void {
    if (!this.destroyed && !this.readableEnded && bytes.length > 0) this.push(bytes);
  }

  close(): void {
    this.push(null);
  }

  reset(): void {
    this.destroy(new Error('read ECONNRESET'));
  }

  override _read(): void {
    // What the server sends is pushed.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.after(this.readsAfter, () => {
      if (this.destroyed) return;
      this.onBytes(chunk);
      done();
    });
  }
}
