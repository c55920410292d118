import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import type { Platform } from '../contenders.js';

const options = { logger: false } as const;

export function createNestApp(platform: Platform, module: Type): Promise<INestApplication> {
  if (platform === 'express') return NestFactory.create(module, options);
  return NestFactory.create(module, new FastifyAdapter(), options);
}
