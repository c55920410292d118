import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { Request, Response } from 'express';
import Keycloak from 'keycloak-connect';

import { useBoth, type Visit } from './both.js';

const CLIENT = 'shop';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** A realm of Keycloak that signs Ada in without a prompt. */
class Realm {
  private readonly grants = new Map<string, string>();
  private readonly server: Server = createServer((request, response) => {
    const url = new URL(request.url!, this.url);
    if (url.pathname.endsWith('/auth')) return this.authorize(url, response);
    let form = '';
    request.on('data', (chunk) => (form += String(chunk)));
    request.on('end', () => this.grant(new URLSearchParams(form), response));
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private authorize(url: URL, response: ServerResponse): void {
    const back = new URL(url.searchParams.get('redirect_uri')!);
    const code = randomUUID();
    this.grants.set(code, back.href);
    back.searchParams.set('code', code);
    response.writeHead(302, { location: back.href }).end();
  }

  /** For the URI that was asked for only, which keycloak-connect keeps in the session. */
  private grant(form: URLSearchParams, response: ServerResponse): void {
    const isAsked = this.grants.get(form.get('code')!) === form.get('redirect_uri');
    this.grants.delete(form.get('code')!);
    if (!isAsked) return void response.writeHead(400).end();
    const tokens = {
      access_token: this.token('Bearer'),
      id_token: this.token('ID'),
      refresh_token: this.token('Refresh'),
    };
    response.end(JSON.stringify({ ...tokens, expires_in: 300, token_type: 'bearer' }));
  }

  private token(typ: string): string {
    const now = Math.floor(Date.now() / 1000);
    const issued = { iat: now, exp: now + 3600, iss: `${this.url}/realms/test` };
    const content = { ...issued, typ, aud: CLIENT, azp: CLIENT, preferred_username: 'ada' };
    const signed = [{ alg: 'RS256' }, content]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`;
  }
}

interface WithGrant {
  readonly kauth: { grant: { access_token: { content: { preferred_username: string } } } };
}

const realm = new Realm();

/** As its documentation has it. The store is asked only when Keycloak's console ends a session. */
function mount(app: INestApplication): void {
  const keycloak = new Keycloak({ store: { get: (_id: string, done: () => void) => done() } }, {
    ...{ realm: 'test', 'auth-server-url': realm.url, resource: CLIENT },
    ...{ 'ssl-required': 'none', 'confidential-port': 0, 'bearer-only': false },
    'realm-public-key': publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    'public-client': true,
  } as Keycloak.KeycloakConfig);
  app.use(keycloak.middleware({ logout: '/out' }));
  app.use('/members', keycloak.protect(), (request: Request, response: Response) => {
    const { 'keycloak-token': token } = request.session as unknown as Record<string, string>;
    const { content } = (request as unknown as WithGrant).kauth.grant.access_token;
    response.json([content.preferred_username, typeof token]);
  });
}

const only = (status: number) => ({ status, headers: {}, body: '' });

const VISITS: Record<string, [number[], Visit]> = {
  'a sign-in and a sign-out': [
    [302, 302, 200, 200, 302, 302],
    async function* (visitor) {
      const away = await visitor.get('/members?page=2');
      yield only(away.status);
      const { headers } = await visitor.get(away.headers.location!);
      const landed = await visitor.get(headers.location!);
      yield landed;
      yield await visitor.get(new URL(landed.headers.location!, visitor.baseUrl).href);
      yield await visitor.get('/members');
      yield only((await visitor.get('/out')).status);
      yield only((await visitor.get('/members')).status);
    },
  ],
  'a code of another visitor': [
    [302, 403, 302],
    async function* (visitor) {
      const away = await visitor.get('/members');
      yield only(away.status);
      yield await visitor.get('/members?auth_callback=1&code=guessed');
      yield only((await visitor.get('/members')).status);
    },
  ],
};

describe('keycloak-connect, compared with express-session', () => {
  beforeAll(async () => {
    // It prints that the realm refuses a code.
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    await realm.start();
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await realm.stop();
  });

  const both = useBoth({ prepare: mount });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const [statuses, visit] = VISITS[name]!;
    const { ours, theirs } = await both.answers(visit);
    expect(ours).toEqual(theirs);
    expect(ours.map(({ status }) => status)).toEqual(statuses);
  });
});
