import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { SessionModuleOptions } from './session-options.js';

interface SessionModuleExtras {
  /** Whether its providers can be injected in every module. Default `true`. */
  isGlobal?: boolean | undefined;
}

/** `forRoot()` and `forRootAsync()`. */
export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: SESSION_MODULE_OPTIONS,
  OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createSessionOptions')
  .setExtras<SessionModuleExtras>({ isGlobal: true }, (definition, extras) => ({
    ...definition,
    global: extras.isGlobal ?? true,
  }))
  .build();
