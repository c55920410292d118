import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';

import { BasketResolver } from './basket.resolver.js';
import { TryGraphqlController } from './try-graphql.controller.js';

/** The basket by GraphQL: the same session once more. */
@Module({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      graphiql: false,
      includeStacktraceInErrorResponses: false,
      // The default, and needed here: it refuses what the form of another site could send. Mutations
      // are taken by POST only, as all that changes something.
      csrfPrevention: true,
      // If nothing can be answered for want of the session, the status is 503, as anywhere.
      preserveHttpStatusForExecutionErrors: false,
    }),
  ],
  controllers: [TryGraphqlController],
  providers: [BasketResolver],
})
export class BasketGraphqlModule {}
