import { Module } from '@nestjs/common';

import { BasketApiController } from './basket-api.controller.js';
import { SessionApiController } from './session-api.controller.js';

/** For programs: the same sessions, as JSON. */
@Module({ controllers: [BasketApiController, SessionApiController] })
export class ApiModule {}
