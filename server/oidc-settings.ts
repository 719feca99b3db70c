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

export const oidcDefinitions: readonly OidcDefinition[] = [
  {
    key: 'oidc-issuer',
    value: 'URL',
    help: 'an OpenID Connect issuer by which an organisation signs its people in; it sends them back to /api/oidc/callback',
    apply: (oidc, text) => {
      oidc.issuer = issuerAddress(text);
    },
  },
  {
    key: 'oidc-client-id',
    value: 'TEXT',
    help: 'what the issuer calls this workshop',
    apply: (oidc, text) => {
      oidc.clientId = given(text);
    },
  },
  {
    key: 'oidc-client-secret',
    value: 'TEXT',
    help: 'by which the issuer knows it; better as a variable (default: none, a public client)',
    apply: (oidc, text) => {
      oidc.clientSecret = given(text);
    },
  },
  {
    key: 'oidc-scope',
    value: 'WORDS',
    help: 'what is asked for (default "openid profile"); some issuers tell groups only when asked for them',
    apply: (oidc, text) => {
      if (!/^[\x21-\x7e ]+$/.test(text) || !text.split(' ').includes('openid'))
        throw new RangeError('words with spaces between them, openid among them');
      oidc.scope = text;
    },
  },
  {
    key: 'oidc-role-claim',
    value: 'NAME',
    help: 'the claim that tells what somebody may be (default groups)',
    apply: (oidc, text) => {
      oidc.roleClaim = given(text);
    },
  },
  {
    key: 'oidc-instructors',
    value: 'VALUES',
    help: 'the values of that claim that make an instructor, with commas between them (default: none does)',
    apply: (oidc, text) => {
      oidc.instructors = words(text);
    },
  },
  {
    key: 'oidc-learners',
    value: 'VALUES',
    help: 'the values that make a learner (default: whoever signs in is one)',
    apply: (oidc, text) => {
      oidc.learners = words(text);
    },
  },
  {
    key: 'oidc-name-claim',
    value: 'NAME',
    help: 'the claim that tells the name to show (default name)',
    apply: (oidc, text) => {
      oidc.nameClaim = given(text);
    },
  },
];

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
