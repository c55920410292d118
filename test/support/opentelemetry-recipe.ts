import { tracingChannel } from 'node:diagnostics_channel';

import { metrics, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';

interface StoreOperation {
  readonly operation: string;
  readonly server: string;
  readonly duration?: number;
  readonly error?: Error;
}

const NAME = 'nestjs-session-manager';
const store = tracingChannel<StoreOperation>(`${NAME}:store`);
const spans = new WeakMap<object, Span>();

export function traceSessions(): void {
  const tracer = trace.getTracer(NAME);
  const durations = metrics.getMeter(NAME).createHistogram('db.client.operation.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] },
  });
  const attributesOf = ({ operation, server, error }: StoreOperation) => ({
    'db.operation.name': operation,
    'server.address': server,
    ...(error && { 'error.type': error.constructor.name }),
  });

  store.start.subscribe((message) => {
    const operation = message as StoreOperation;
    const attributes = attributesOf(operation);
    const name = `session ${operation.operation}`;
    spans.set(operation, tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }));
  });
  store.asyncEnd.subscribe((message) => {
    const operation = message as StoreOperation;
    const span = spans.get(operation);
    if (operation.error) {
      span?.recordException(operation.error);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: operation.error.message });
    }
    span?.end();
    durations.record((operation.duration ?? 0) / 1000, attributesOf(operation));
  });
}
