import { fileURLToPath } from 'node:url';

import type { NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WsAdapter } from '@nestjs/platform-ws';

import { AppModule } from './app.module.js';
import type { Config } from './config.js';
import { INSPECTOR } from './inspector.js';
import { securityHeaders } from './security-headers.js';
import { renderWithEta } from './views/eta.js';
import { viewHelpers } from './views/view-helpers.js';

export async function createApp(
  config: Config,
  options: NestApplicationOptions = {},
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config), options);
  return withPages(app, config);
}

/** What is not in the module: tests that make the application themselves need it, too. */
export function withPages(app: NestExpressApplication, config: Config): NestExpressApplication {
  app.use(securityHeaders);
  app.useStaticAssets(fileURLToPath(new URL('../public', import.meta.url)));
  app.useWebSocketAdapter(new WsAdapter(app));
  renderWithEta(app);
  app.setLocal('helpers', viewHelpers);
  const usesMemcached = config.memcachedServers.length > 0;
  app.setLocal('usesMemcached', usesMemcached);
  app.setLocal('usesFile', !usesMemcached && config.sessionsFile !== undefined);
  app.setLocal('inspector', INSPECTOR && `/${INSPECTOR}`);
  return app;
}
