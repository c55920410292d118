import {
  Module,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { SessionModule } from 'nestjs-session-manager';
import { SessionInspectorModule } from 'nestjs-session-manager/inspector';

import { AboutController } from './about/about.controller.js';
import { AccountController } from './account/account.controller.js';
import { MembersController } from './account/members.controller.js';
import { ApiModule } from './api/api.module.js';
import { BasketController } from './basket/basket.controller.js';
import { BasketGateway } from './basket/basket.gateway.js';
import { ClickPipe } from './basket/click.pipe.js';
import { ProductPipe } from './basket/product.pipe.js';
import type { Config } from './config.js';
import { HttpErrorFilter } from './errors/http-error.filter.js';
import { SessionOverFilter } from './errors/session-over.filter.js';
import { StoreOutageFilter } from './errors/store-outage.filter.js';
import { BasketGraphqlModule } from './graphql/basket-graphql.module.js';
import { HomeController } from './home/home.controller.js';
import { OperationsModule } from './operations/operations.module.js';
import { INSPECTOR } from './inspector.js';
import { ProductsController } from './products/products.controller.js';
import { RaceModule } from './race/race.module.js';
import { measureCost } from './request-cost/measure-cost.middleware.js';
import { sessionOptions } from './session-options.js';

@Module({
  controllers: [
    HomeController,
    AboutController,
    ProductsController,
    AccountController,
    MembersController,
    BasketController,
  ],
  providers: [
    BasketGateway,
    ProductPipe,
    ClickPipe,
    { provide: APP_FILTER, useClass: HttpErrorFilter },
    { provide: APP_FILTER, useClass: SessionOverFilter },
    { provide: APP_FILTER, useClass: StoreOutageFilter },
  ],
})
export class AppModule implements NestModule {
  static with(config: Config): DynamicModule {
    const sessions = SessionModule.forRoot(sessionOptions(config));
    return {
      module: AppModule,
      imports: [
        ...(INSPECTOR ? [SessionInspectorModule.forRoot({ path: INSPECTOR })] : []),
        ...[sessions, ApiModule, BasketGraphqlModule, OperationsModule, RaceModule.with(config)],
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(measureCost).forRoutes('{*path}');
  }
}
