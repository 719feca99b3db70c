/** Speaks OpenID Connect with an organisation's issuer: the authorization code flow with PKCE. */
import type { Configuration, IDToken } from 'openid-client';
import type { SignInRefusal } from '../api.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { OidcSettings } from '../oidc-settings.ts';
import type { Role } from './auth.ts';

/** What a browser keeps while somebody is at the issuer. It has to come back from there with the same state. */
export interface Attempt {
  state: string;
  nonce: string;
  verifier: string;
  as: Role;
}

/** Somebody whom the issuer knows. */
export interface Person {
  /** Unique for all time: the issuer and its name for them. */
  subject: string;
  /** As others know them; may be empty. */
  name: string;
  /** What they may be here. */
  roles: ReadonlySet<Role>;
}

const timeoutSeconds = 10;

/** Somebody is not let in. */
export class SignInRefused extends Error {
  readonly refusal: SignInRefusal;
  constructor(refusal: SignInRefusal) {
    super(`sign-in refused: ${refusal}`);
    this.refusal = refusal;
  }
}

export class OpenIdConnect {
  /** The issuer's, as people know it. */
  readonly name: string;
  readonly #settings: OidcSettings & { issuer: URL };
  readonly #log: Log;
  #configuration: Promise<Configuration> | undefined;

  constructor(settings: OidcSettings & { issuer: URL }, log: Log) {
    this.name = settings.issuer.host;
    this.#settings = settings;
    this.#log = log;
  }

  /** Where to send a browser, and what it has to keep meanwhile. @throws SignInRefused */
  async begin(as: Role, redirect: string): Promise<{ url: URL; attempt: Attempt }> {
    const client = await import('openid-client');
    const configuration = await this.#discover();
    const attempt = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      as,
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirect,
      scope: this.#settings.scope,
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: 'S256',
    });
    return { url, attempt };
  }

  /**
   * Who came back.
   *
   * @param address the whole address at which they did
   * @throws SignInRefused
   */
  async finish(address: URL, { state, nonce, verifier }: Attempt): Promise<Person> {
    const client = await import('openid-client');
    const configuration = await this.#discover();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, address, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims()!;
      return this.#personOf(claims, await this.#moreClaims(configuration, claims, tokens.access_token));
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /** What the ID token does not tell may be asked for: issuers keep it small. */
  async #moreClaims(configuration: Configuration, claims: IDToken, token: string): Promise<Record<string, unknown>> {
    const { roleClaim, nameClaim } = this.#settings;
    const told = claims[roleClaim] !== undefined && claims[nameClaim] !== undefined;
    if (told || configuration.serverMetadata().userinfo_endpoint === undefined) return {};
    const { fetchUserInfo } = await import('openid-client');
    return fetchUserInfo(configuration, token, claims.sub);
  }

  #personOf(claims: IDToken, more: Record<string, unknown>): Person {
    const { roleClaim, nameClaim, instructors, learners } = this.#settings;
    const all: Record<string, unknown> = { ...more, ...claims };
    const values = [all[roleClaim]].flat().filter(value => typeof value === 'string');
    const roles = new Set<Role>();
    if (values.some(value => instructors.includes(value))) roles.add('instructor');
    if (learners.length === 0 || roles.size > 0 || values.some(value => learners.includes(value))) roles.add('learner');
    const name = [all[nameClaim], all['name'], all['preferred_username']].find(value => typeof value === 'string');
    return { subject: `${claims.iss} ${claims.sub}`, name: (name as string | undefined) ?? '', roles };
  }

  #refusal(error: unknown): SignInRefused {
    const { code, error: reason } = error as { code?: string; error?: string };
    if (reason === 'access_denied') return new SignInRefused('ended');
    this.#log.warn('a sign-in by OpenID Connect was refused', { cause: messageOf(error), code: code ?? '' });
    // What fetch throws where nobody answers has no code of the library's.
    return new SignInRefused(code === 'OAUTH_TIMEOUT' || (error instanceof TypeError && !code) ? 'away' : 'failed');
  }

  /** Asked once; where that fails, again the next time. */
  #discover(): Promise<Configuration> {
    this.#configuration ??= this.#ask().catch(error => {
      this.#configuration = undefined;
      this.#log.warn('the issuer of sign-ins cannot be used', { cause: messageOf(error) });
      throw new SignInRefused('away');
    });
    return this.#configuration;
  }

  async #ask(): Promise<Configuration> {
    const client = await import('openid-client');
    const { issuer, clientId, clientSecret } = this.#settings;
    const authentication = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
    const execute = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [];
    return client.discovery(issuer, clientId, undefined, authentication, { execute, timeout: timeoutSeconds });
  }
}
