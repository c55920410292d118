import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import http from 'node:http';

import { context, ROOT_CONTEXT, type Context, type ContextManager } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';

type Listening = (...args: unknown[]) => unknown;

/** As OpenTelemetry's own: a bound emitter calls its listeners in its context, by methods of its own. */
class Contexts implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    work: F,
    that?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.storage.run(active, () => work.apply(that, args));
  }

  bind<T>(bound: Context, target: T): T {
    const emitter = target as EventEmitter;
    if (typeof emitter.on !== 'function') return target;
    for (const method of ['on', 'once', 'addListener', 'prependListener'] as const) {
      const original = Reflect.get(emitter, method) as Listening;
      Object.assign(emitter, {
        [method]: (event: string, listener: Listening) => {
          const inContext: Listening = (...args) =>
            this.storage.run(bound, () => Reflect.apply(listener, emitter, args));
          return Reflect.apply(original, emitter, [event, inContext]);
        },
      });
    }
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

interface Patching {
  init(): { patch(exports: object): void; unpatch(exports: object): void }[];
}

/** Traces the servers of this process until it is stopped. Under Jest, modules that are required cannot be patched. */
export function traceHttp(): () => void {
  context.setGlobalContextManager(new Contexts());
  const instrumentation = new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true });
  instrumentation.setTracerProvider(new BasicTracerProvider());
  const [, ofHttp] = (instrumentation as unknown as Patching).init();
  ofHttp!.patch(http);
  return () => {
    ofHttp!.unpatch(http);
    instrumentation.disable();
    context.disable();
  };
}
