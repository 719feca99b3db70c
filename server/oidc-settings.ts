/** How people of an organisation sign in by its OpenID Connect issuer. */
export interface OidcSettings {
  /** The issuer's identifier, below which it says what it can do; null: there is none. */
  issuer: URL | null;
  clientId: string;
  /** null: a public client. */
  clientSecret: string | null;
  scope: string;
  /** The claim that tells what somebody may be; a list, or one word. */
  roleClaim: string;
  /** Values of it that make an instructor. */
  instructors: readonly string[];
  /** Values of it that make a learner; empty: whoever signs in. */
  learners: readonly string[];
  /** The claim that tells the name by which others know somebody. */
  nameClaim: string;
}

export const usualOidc: OidcSettings = {
  issuer: null,
  clientId: '',
  clientSecret: null,
  scope: 'openid profile',
  roleClaim: 'groups',
  instructors: [],
  learners: [],
  nameClaim: 'name',
};

/** One setting, as in settings.ts. */
export interface OidcDefinition {
  key: string;
  value: string;
  help: string;
  /** Throws a RangeError with what is wrong with the value. */
  apply(oidc: OidcSettings, text: string): void;
}

/** A setting that fills one field. @param read throws a RangeError with what is wrong with the value */
function define<Field extends keyof OidcSettings>(
  [key, value, help]: readonly [string, string, string],
  field: Field,
  read: (text: string) => OidcSettings[Field],
): OidcDefinition {
  return { key, value, help, apply: (oidc, text) => void Object.assign(oidc, { [field]: read(text) }) };
}

export const oidcDefinitions: readonly OidcDefinition[] = [
  define(
    [
      'oidc-issuer',
      'URL',
      'an OpenID Connect issuer by which an organisation signs its people in; it sends them back to /api/oidc/callback',
    ],
    'issuer',
    issuerAddress,
  ),
  define(['oidc-client-id', 'TEXT', 'what the issuer calls this workshop'], 'clientId', given),
  define(
    [
      'oidc-client-secret',
      'TEXT',
      'by which the issuer knows it; better as a variable (default: none, a public client)',
    ],
    'clientSecret',
    given,
  ),
  define(
    [
      'oidc-scope',
      'WORDS',
      'what is asked for (default "openid profile"); some issuers tell groups only when asked for them',
    ],
    'scope',
    scopes,
  ),
  define(['oidc-role-claim', 'NAME', 'the claim that tells what somebody may be (default groups)'], 'roleClaim', given),
  define(
    [
      'oidc-instructors',
      'VALUES',
      'the values of that claim that make an instructor, with commas between them (default: none does)',
    ],
    'instructors',
    words,
  ),
  define(
    ['oidc-learners', 'VALUES', 'the values that make a learner (default: whoever signs in is one)'],
    'learners',
    words,
  ),
  define(['oidc-name-claim', 'NAME', 'the claim that tells the name to show (default name)'], 'nameClaim', given),
];

/** @throws RangeError */
function scopes(text: string): string {
  if (!/^[\x21-\x7e ]+$/.test(text) || !text.split(' ').includes('openid'))
    throw new RangeError('words with spaces between them, openid among them');
  return text;
}

/** @throws RangeError */
function given(text: string): string {
  if (text.trim() === '') throw new RangeError('some text');
  return text.trim();
}

/** Reads an issuer's address. @throws RangeError with what is wrong with it */
function issuerAddress(text: string): URL {
  const url = URL.parse(text);
  // What goes over plain HTTP can be changed on its way: only within this machine.
  const safe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname));
  if (!url || !safe || url.search || url.hash || url.username)
    throw new RangeError('an https address such as https://login.example.org/realm');
  return url;
}

/** Words with commas between them. @throws RangeError */
function words(text: string): string[] {
  const list = text.split(',').map(word => word.trim());
  if (list.some(word => word === '')) throw new RangeError('one or more values with commas between them');
  return list;
}
