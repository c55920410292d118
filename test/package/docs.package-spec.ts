import { afterAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { documentPaths, guideExample, storeExample, textOf } from './readme-example.js';

/** Milliseconds; to compile on a busy machine. */
const COMPILE_TIMEOUT = 120_000;

/** What the examples import from the rest of their application. */
const application = {
  'app.module.ts': 'export class AppModule {}',
  'users.service.ts': `
    export class UsersService {
      verify(name: string, _password: string): Promise<{ id: number; name: string } | undefined> {
        return Promise.resolve({ id: 7, name });
      }
      changePassword(_userId: string, _old: string, _password: string): Promise<boolean> {
        return Promise.resolve(true);
      }
    }`,
  // In addition to the README's declaration.
  'session-data.ts': `
    import 'nestjs-session-manager';
    declare module 'nestjs-session-manager' {
      interface SessionData { imported: number; items: number; said: number }
    }`,
};

/** Packages that this repository does not use, as far as the examples do. */
const packages = {
  'packages.d.ts': `
    declare module '@keyv/redis' {
      export default class KeyvRedis {
        constructor(url: string, options: { throwOnErrors: boolean });
        get(key: string): Promise<unknown>;
        set(key: string, value: unknown): Promise<unknown>;
        delete(key: string): Promise<boolean>;
        clear(): Promise<void>;
      }
    }
    declare module 'nestjs-cls' {
      export const CLS_REQ: unique symbol;
      export class ClsService { get<T>(key: symbol): T }
    }
    declare module '@nestjs/throttler' {
      export class ThrottlerGuard {
        protected getTracker(request: Record<string, any>): Promise<string>;
      }
    }
    declare module '@nestjs/swagger' {
      type App = import('@nestjs/common').INestApplication;
      export class DocumentBuilder {
        setTitle(title: string): this;
        addCookieAuth(name: string): this;
        build(): object;
      }
      export class SwaggerModule {
        static setup(path: string, app: App, document: () => object): void;
        static createDocument(app: App, options: object): object;
      }
    }
    declare module '@nestjs/config' {
      export class ConfigModule { static forRoot(): import('@nestjs/common').DynamicModule }
      export class ConfigService { getOrThrow<T>(key: string): T }
    }
    declare module 'unplugin-swc' {
      const swc: { vite(): object };
      export default swc;
    }
    declare module 'vitest/config' {
      export function defineConfig(config: { plugins: object[] }): object;
    }
    declare module 'playwright-core' {
      export interface BrowserContext {
        addCookies(cookies: { name: string; value: string; url: string }[]): Promise<void>;
      }
    }
    declare module 'supertest' {
      interface Test extends PromiseLike<unknown> {
        set(name: string, value: string): this;
        expect(statusOrBody: unknown): this;
      }
      export default function request(server: unknown): Record<'get' | 'post', (path: string) => Test>;
    }
    declare const describe: typeof import('@jest/globals').describe;
    declare const it: typeof import('@jest/globals').it;
    declare const expect: typeof import('@jest/globals').expect;
    declare const beforeAll: typeof import('@jest/globals').beforeAll;
    declare const afterAll: typeof import('@jest/globals').afterAll;`,
};

/** A method as at the top of the README, without its controller. */
const inController = (method: string): string => `
import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-session-manager';

@Controller()
export class ExampleController {
${method}}
`;

/** Each TypeScript example of a document, by a file name that has its line. */
async function examplesOf(path: string): Promise<[string, string][]> {
  const text = await textOf(path);
  const name = path.replace(/\W/g, '-');
  return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1;
    return [`${name}-${line}.ts`, code.startsWith('@Get()') ? inController(code) : code];
  });
}

describe('the examples of README and docs', () => {
  let consumer: Consumer | undefined;

  afterAll(() => consumer?.remove());

  it(
    'compile together, in one application',
    async () => {
      const paths = await documentPaths();
      const examples = Object.fromEntries((await Promise.all(paths.map(examplesOf))).flat());
      expect(Object.keys(examples).length).toBeGreaterThan(30);
      const imported = {
        'sql-session-store.ts': await storeExample('own-store', 'store'),
        'wishes.ts': await guideExample('testing', 'unit-wishes'),
      };
      consumer = await Consumer.link({ ...application, ...packages, ...imported, ...examples });
      await consumer.compile();
    },
    COMPILE_TIMEOUT,
  );
});
