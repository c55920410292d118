import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import type { SessionError } from '../../src/session/errors.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';
import { sessionOf as sessionOfThis } from '../../src/index.js';

/** Another instance of the same modules, as a second copy in `node_modules` is. */
async function anotherCopy(): Promise<{ sessionOf: typeof sessionOfThis }> {
  jest.resetModules();
  return import('../../src/index.js');
}

let app: SessionApp | undefined;
afterEach(async () => {
  await app?.close();
});

describe.each(PLATFORMS)('a second copy of the package, on %s', (platform) => {
  it('is named in errors, with how to find it', async () => {
    const { sessionOf } = await anotherCopy();
    const errors: SessionError[] = [];

    @Controller()
    class CopiedController {
      @Get()
      async own() {
        return {};
      }
    }

    app = await startSessionApp({
      ...{ platform, controllers: [CopiedController] },
      prepare: (nest) => {
        nest.use((request: object, _response: object, next: () => void) => {
          sessionOf(request).then(next, (error: unknown) => {
            errors.push(error as SessionError);
            next();
          });
        });
      },
    });
    expect((await app.visitor().get('/')).status).toBe(200);
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'SESSION_MODULE_MISSING',
        message: expect.stringMatching(
          /more than once: a SessionModule is in use from .+, and this is .+`npm ls nestjs-session-manager`/,
        ),
      }),
    ]);
  });
});

it('without another copy errors do not mention one', async () => {
  await app?.close();
  app = undefined;
  await expect(sessionOfThis({ headers: {} })).rejects.not.toThrow('npm ls');
});
