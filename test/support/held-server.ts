import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { HeldResponse, type ResponseGate } from '../../src/http/held-response.js';
import { addCookie } from '../../src/http/response-head.js';
import { Gate } from './gate.js';

type Handler = (response: ServerResponse, request: IncomingMessage) => unknown;

/** Stands between a handler and its response: opened, refused or passed by the test. */
export class TestGate implements ResponseGate {
  /** What happened, in its order. */
  readonly events: string[] = [];
  /** Whether there is something to wait for. */
  waits = true;
  private readonly gate = new Gate();
  private failure: Error | undefined;

  /** The response is held. */
  get reached(): Promise<void> {
    return this.gate.reached;
  }

  open(): void {
    this.gate.release();
  }

  refuse(): void {
    this.failure = new Error('not stored');
    this.gate.release();
  }

  commit(): Promise<void> | undefined {
    this.events.push('commit');
    if (!this.waits) return undefined;
    return this.gate.pass().then(() => {
      if (this.failure) throw this.failure;
    });
  }

  beforeRelease(response: ServerResponse): void {
    // A refusal carries no cookie.
    if (this.events.includes('refusal')) return;
    this.events.push('release');
    addCookie(response, 'SID=new');
  }

  refusal(): { status: number; body: object } {
    this.events.push('refusal');
    return { status: 503, body: { statusCode: 503, message: 'Service Unavailable' } };
  }

  unsendable(): { status: number; body: object } {
    this.events.push('unsendable');
    return { status: 500, body: { statusCode: 500, message: 'Internal server error' } };
  }

  onClose(): void {
    this.events.push('close');
  }
}

export interface HeldServer {
  readonly url: string;
  readonly gate: TestGate;
  /** The error that the handler threw, or that its response emitted. */
  readonly errors: unknown[];
  /** The response of the last request, from the server's side. */
  readonly response: ServerResponse;
  close(): Promise<void>;
}

/** A plain HTTP server that holds its responses; `before` runs before they are. */
export async function heldServer(handler: Handler, before?: Handler): Promise<HeldServer> {
  const gate = new TestGate();
  const errors: unknown[] = [];
  let last: ServerResponse | undefined;
  const server = createServer((request, response) => {
    last = response;
    response.on('error', (error) => errors.push(error));
    before?.(response, request);
    new HeldResponse(response, gate).watchClose(gate);
    void (async () => handler(response, request))().catch((error: unknown) => errors.push(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    gate,
    errors,
    get response() {
      return last!;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
