import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

import { Session } from '../../src/index.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';
import { traceSessions } from '../support/opentelemetry-recipe.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class CartController {
  @Post('cart')
  add(@Session() session: Session) {
    return { cart: session.increment('cart') };
  }

  @Get('cart')
  read(@Session('cart') cart: number | undefined) {
    return { cart: cart ?? 0 };
  }

  @Post('leave')
  async leave(@Session() session: Session) {
    await session.destroy();
  }
}

const spans = new InMemorySpanExporter();
const measured = new InMemoryMetricExporter(AggregationTemporality.DELTA);
const reader = new PeriodicExportingMetricReader({ exporter: measured });

beforeAll(() => {
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  traceSessions();
});

afterAll(() => reader.shutdown());

describe.each(PLATFORMS)('operations of the store in OpenTelemetry, on %s', (platform) => {
  const memcached = useMemcached();

  const app = useSessionApp(() => {
    const options = { memcached: memcached.server };
    return { platform, options, controllers: [CartController] };
  });

  afterEach(async () => {
    await reader.forceFlush();
    spans.reset();
    measured.reset();
  });

  /** What the histogram counted since it was last asked, in order of its attributes. */
  async function histogram() {
    await reader.forceFlush();
    const [found] = measured
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .filter(({ scope }) => scope.name === 'nestjs-session-manager')
      .flatMap((scope) => scope.metrics);
    if (found?.dataPointType !== DataPointType.HISTOGRAM) throw new Error('no histogram');
    return found;
  }

  it('are one span each, named after the operation, without an id', async () => {
    const visitor = app.visitor();
    await visitor.post('/cart');
    await visitor.post('/cart');
    await visitor.get('/cart');
    await visitor.post('/leave');
    const finished = spans.getFinishedSpans();
    expect(finished.map(({ name }) => name)).toEqual([
      ...['session create', 'session find', 'session update'],
      ...['session find', 'session find', 'session remove'],
    ]);
    for (const { kind, attributes, status, duration } of finished) {
      expect(kind).toBe(SpanKind.CLIENT);
      expect(attributes['server.address']).toBe(memcached.server);
      expect(status.code).toBe(SpanStatusCode.UNSET);
      expect(duration[0] * 1e9 + duration[1]).toBeGreaterThan(0);
    }
    const told = JSON.stringify(finished.map(({ name, attributes }) => [name, attributes]));
    expect(told).not.toMatch(/[\w-]{43}/);
  });

  it('are measured in seconds, by operation', async () => {
    const visitor = app.visitor();
    for (let times = 0; times < 10; times++) await visitor.post('/cart');
    const { descriptor, dataPoints } = await histogram();
    expect(descriptor).toMatchObject({ name: 'db.client.operation.duration', unit: 's' });
    const counts = dataPoints.map(({ attributes, value }) => [
      attributes['db.operation.name'],
      value.count,
    ]);
    expect(Object.fromEntries(counts)).toEqual({ create: 1, find: 9, update: 9 });
    for (const { value } of dataPoints) {
      expect(value.sum).toBeGreaterThan(0);
      expect(value.max).toBeLessThan(1);
    }
  });

  it('are errors while the server is down', async () => {
    const visitor = app.visitor();
    await visitor.post('/cart');
    await memcached.kill();
    expect((await visitor.get('/cart')).status).toBe(503);
    const [span] = spans.getFinishedSpans().slice(-1);
    expect(span).toMatchObject({ name: 'session find', status: { code: SpanStatusCode.ERROR } });
    expect(span!.events.map(({ name }) => name)).toEqual(['exception']);
    const { dataPoints } = await histogram();
    const failed = dataPoints.filter(({ attributes }) => 'error.type' in attributes);
    expect(failed.map(({ value }) => value.count)).toEqual([1]);
  });
});
