import 'reflect-metadata';

import { describe, expect, it } from '@jest/globals';
import { UseInterceptors, type Type } from '@nestjs/common';
import { EMPTY } from 'rxjs';

import { interceptMessages } from '../../src/sockets/gateways.js';
import { commitBeforeAnswer } from '../../src/sockets/message.interceptor.js';

const interceptor = { intercept: () => EMPTY };

@UseInterceptors(interceptor)
class BaseGateway {}
class Gateway extends BaseGateway {}

const interceptorsOf = (gateway: Type) =>
  Reflect.getMetadata('__interceptors__', gateway) as unknown[];

describe('the interceptor of messages', () => {
  it('wraps the others of a gateway, once for all applications', () => {
    interceptMessages(Gateway);
    interceptMessages(Gateway);
    expect(interceptorsOf(Gateway)).toEqual([commitBeforeAnswer, interceptor]);
  });

  it('is not added to the base class of a gateway', () => {
    interceptMessages(Gateway);
    expect(interceptorsOf(BaseGateway)).toEqual([interceptor]);
  });
});
