import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { SessionModuleOptions } from './session-options.js';

/** `forRoot()` and `forRootAsync()`; the module is global unless `isGlobal` is false. */
export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: SESSION_MODULE_OPTIONS,
  OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createSessionOptions')
  .setExtras<{ isGlobal?: boolean | undefined }>({ isGlobal: true }, (definition, extras) => ({
    ...definition,
    global: extras.isGlobal ?? true,
  }))
  .build();
