import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { DynamicModule } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';

import type { Visitor } from './http-client.js';
import type { Platform } from './session-app.js';

export interface GraphqlStack {
  readonly name: string;
  readonly platform: Platform;
  readonly graphql: () => DynamicModule;
  /** Of an operation that failed as a whole for want of its session. */
  readonly statusOfFailure: number;
  /** The code of a connection that was closed as its session ended. */
  readonly closedBy: number;
}

/** What Nest serves GraphQL with, on the framework it is made for. */
export const GRAPHQL_STACKS: GraphqlStack[] = [
  {
    name: 'Apollo on Express',
    platform: 'express',
    graphql: () => apollo({}),
    statusOfFailure: 200,
    closedBy: 4401,
  },
  {
    name: 'Apollo on Express, with HTTP statuses',
    platform: 'express',
    graphql: () => apollo({ preserveHttpStatusForExecutionErrors: false }),
    statusOfFailure: 503,
    closedBy: 4401,
  },
  {
    name: 'Mercurius on Fastify',
    platform: 'fastify',
    graphql: () =>
      GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
        subscription: { fullWsTransport: true },
      }),
    statusOfFailure: 503,
    closedBy: 1006,
  },
];

function apollo(options: Partial<ApolloDriverConfig>): DynamicModule {
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    ...{ driver: ApolloDriver, autoSchemaFile: true, graphiql: false },
    subscriptions: { 'graphql-ws': true },
    ...options,
  });
}

interface GraphqlResponse {
  readonly status: number;
  readonly data: any;
  readonly errors: { message: string; extensions: Record<string, unknown> }[] | undefined;
  readonly setCookies: string[];
}

/** Sends an operation as a GraphQL client does. */
export async function operate(visitor: Visitor, query: string): Promise<GraphqlResponse> {
  const { status, json, setCookies } = await visitor.post('/graphql', { query });
  return { status, data: json.data, errors: json.errors, setCookies };
}
