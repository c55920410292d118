import { Body, Controller, Get, Post, Render, Req, UseInterceptors } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { Request } from 'express';
import { graphql } from 'graphql';
import { Session } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';

const FIRST = `mutation {
  addToBasket(product: "honey") {
    total
    lines { product count }
  }
}`;

const MAX_LENGTH = 2000;

/** A page to send operations by, also without a script: it hands them to the schema of `/graphql`. */
@Controller('try-graphql')
@UseInterceptors(SaveSessionInterceptor)
export class TryGraphqlController {
  constructor(private readonly schemaHost: GraphQLSchemaHost) {}

  @Get()
  @Render('try-graphql')
  form(@Session() session: Session) {
    return { session, query: FIRST };
  }

  @Post()
  @Render('try-graphql')
  async operate(@Session() session: Session, @Req() req: Request, @Body('query') text: unknown) {
    const query = typeof text === 'string' ? text.slice(0, MAX_LENGTH) : '';
    const { schema } = this.schemaHost;
    const answer = await graphql({ schema, source: query, contextValue: { req } });
    return { session, query, answer: JSON.stringify(answer, undefined, 2) };
  }
}
