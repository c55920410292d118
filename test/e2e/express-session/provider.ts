import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that signs people in, without asking them: OAuth 2 with PKCE, and Keycloak's paths and tokens. */
export interface Provider {
  readonly url: string;
  /** In Keycloak's form. */
  readonly publicKey: string;
  close(): Promise<void>;
}

interface Grant {
  readonly redirectUri: string;
  /** PKCE (RFC 7636). */
  readonly challenge: string | null;
}

export async function startProvider(): Promise<Provider> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  let issuer = '';

  /** Whoever comes is Ada. */
  const authorize = (url: URL, response: ServerResponse): void => {
    const redirectUri = url.searchParams.get('redirect_uri')!;
    const code = randomUUID();
    grants.set(code, { redirectUri, challenge: url.searchParams.get('code_challenge') });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    const state = url.searchParams.get('state');
    if (state !== null) back.searchParams.set('state', state);
    response.writeHead(302, { location: back.href }).end();
  };

  const token = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await textOf(request));
    const grant = grants.get(form.get('code') ?? '');
    grants.delete(form.get('code') ?? '');
    const verifier = form.get('code_verifier') ?? '';
    const isProven =
      !grant?.challenge ||
      createHash('sha256').update(verifier).digest('base64url') === grant.challenge;
    const isAllowed = isProven && grant?.redirectUri === form.get('redirect_uri');
    response.writeHead(isAllowed ? 200 : 400, { 'content-type': 'application/json' });
    const tokens = {
      access_token: jwt('Bearer'),
      refresh_token: jwt('Refresh'),
      id_token: jwt('ID'),
    };
    response.end(
      JSON.stringify(
        isAllowed
          ? { ...tokens, token_type: 'bearer', expires_in: 300 }
          : { error: 'invalid_grant', error_description: 'not the one who asked' },
      ),
    );
  };

  const jwt = (typ: string): string => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      typ,
      iss: issuer,
      aud: 'app',
      azp: 'app',
      sub: 'ada',
      iat: now,
      exp: now + 300,
    };
    const text = [{ alg: 'RS256', typ: 'JWT', kid: 'one' }, claims].map(base64url).join('.');
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://provider');
    if (url.pathname.endsWith('/auth')) authorize(url, response);
    else void token(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  issuer = `${url}/realms/test`;
  return {
    url,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
