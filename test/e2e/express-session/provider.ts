import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An OAuth 2 server with PKCE that signs users in without a prompt. */
export interface Provider {
  readonly url: string;
  close(): Promise<void>;
}

interface Grant {
  readonly redirectUri: string;
  /** PKCE (RFC 7636). */
  readonly challenge: string | null;
}

export async function startProvider(): Promise<Provider> {
  const grants = new Map<string, Grant>();

  /** Every user is Ada. */
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
    response.end(
      JSON.stringify(
        isAllowed
          ? { access_token: randomUUID(), token_type: 'bearer', expires_in: 300 }
          : { error: 'invalid_grant', error_description: 'not the one who asked' },
      ),
    );
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://provider');
    if (url.pathname.endsWith('/auth')) authorize(url, response);
    else void token(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
