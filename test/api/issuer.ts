/** A real OpenID Connect issuer on loopback, which knows three people and asks nobody for a password. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import Provider from 'oidc-provider';
import { atEnd } from './at-end.ts';

export const client = { id: 'workshop', secret: 'of the workshop, and long enough' };

const people: Record<string, { name: string; groups: string[] }> = {
  ada: { name: 'Ada Lovelace', groups: ['staff', 'teachers'] },
  grace: { name: 'Grace Hopper', groups: ['staff'] },
  eve: { name: 'Eve', groups: [] },
  namesake: { name: 'Grace Hopper', groups: ['staff'] },
};

export interface Issuer {
  url: string;
  /** Knows the workshop from now on, and sends browsers back to there. */
  allow(redirect: string): void;
  close(): Promise<void>;
}

export async function startIssuer(
  context: TestContext,
  claimsIn: 'id-token' | 'userinfo' = 'id-token',
): Promise<Issuer> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let provider: Provider | undefined;
  server.on('request', (request, response) => {
    if (!provider) return void response.writeHead(503).end();
    if (!request.url?.startsWith('/interaction/')) return void provider.callback()(request, response);
    // The person is named by the test's browser; `nobody` is one who does not want to.
    const person = /(?:^|; )person=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'nobody';
    interact(provider, request, response, person).catch((error: Error) => response.writeHead(500).end(error.stack));
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  atEnd(context, close);
  const allow = (redirect: string): void => {
    provider = new Provider(url, {
      clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [redirect] }],
      claims: { openid: ['sub'], profile: ['name', 'groups'] },
      conformIdTokenClaims: claimsIn === 'userinfo',
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      cookies: { keys: ['of a test'] },
      findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...people[accountId] }) }),
      pkce: { required: () => true },
    });
  };
  return { url, allow, close };
}

type Request = Parameters<Provider['interactionDetails']>[0];
type Response = Parameters<Provider['interactionDetails']>[1];

/** Signs the person in and agrees to whatever is asked. */
async function interact(provider: Provider, request: Request, response: Response, person: string): Promise<void> {
  const details = await provider.interactionDetails(request, response);
  if (person === 'nobody') {
    const result = { error: 'access_denied', error_description: 'the person went away' };
    return provider.interactionFinished(request, response, result);
  }
  if (details.prompt.name === 'login')
    return provider.interactionFinished(request, response, { login: { accountId: person } });
  const grant = new provider.Grant({ accountId: person, clientId: client.id });
  grant.addOIDCScope('openid profile');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}
