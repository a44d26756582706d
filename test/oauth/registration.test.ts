// What may be registered of a client and of a resource, and in which words the rest is refused.
import t from 'tap';
import { parseClientMetadata } from '../../src/oauth/client.ts';
import { RegistrationError } from '../../src/oauth/registration.ts';
import { parseResourceMetadata } from '../../src/oauth/resource.ts';

/** The problems told, as `member: problem`. */
function problems(parse: () => unknown): string[] {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error;
    return error.problems.map(({ member, problem }) => `${member}: ${problem}`);
  }
  return [];
}

const publicKey = { kty: 'OKP', crv: 'Ed25519', x: 'C8zmGYwXjFWFfhZ8x8oqWd_tI3ZsTi5z5gzMjfGu9Yg' };
const jwks = { keys: [publicKey] };

t.test('a client without any metadata authenticates by Basic and acts for itself', async (t) => {
  t.strictSame(parseClientMetadata({}), {
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    response_types: [],
  });
});

t.test('everything that is known is kept as it was written', async (t) => {
  const metadata = {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [
      'https://app.example.com/cb?x=1',
      'http://127.0.0.1/cb',
      'http://[::1]:9/cb',
      'com.example.app:/cb',
    ],
    client_name: 'Reports – täglich',
    client_uri: 'http://reports.example.com/',
    logo_uri: 'https://reports.example.com/logo.svg',
    tos_uri: 'https://reports.example.com/tos',
    policy_uri: 'https://reports.example.com/policy',
    contacts: ['ops@example.com'],
    scope: 'reports.read reports.write',
    jwks,
    software_id: '4NRB1-0XZABZI9E6-5SM3R',
    software_version: '1.2',
    application_type: 'web',
    subject_type: 'public',
    id_token_signed_response_alg: 'RS256',
    default_max_age: 3600,
    require_auth_time: true,
    initiate_login_uri: 'https://reports.example.com/login',
    post_logout_redirect_uris: ['https://reports.example.com/bye'],
    backchannel_logout_uri: 'https://reports.example.com/logout',
    backchannel_logout_session_required: true,
    require_pkce: true,
    first_party: true,
    resources: ['https://api.example.com', 'urn:example:ledger'],
    default_resource: 'https://api.example.com',
    access_token_lifetime: 60,
    refresh_token_lifetime: 86400,
    refresh_token_idle_lifetime: 3600,
    refresh_retry_window: 0,
    claims: { roles: 'attributes.roles' },
  };
  t.strictSame(parseClientMetadata(metadata), metadata);
});

const refusedClients: [name: string, document: unknown, ...problems: (string | RegExp)[]][] = [
  ['no document', null, ': must be object'],
  ['a misspelt member', { redirect_uri: [] }, 'redirect_uri: unknown; did you mean redirect_uris?'],
  ['a member of the prototype', JSON.parse('{"__proto__": {}}'), /^__proto__: unknown; /],
  [
    'every problem of a shape at once',
    { scope: 7, token_endpoint_auth_method: 'tls_client_auth' },
    'token_endpoint_auth_method: must be one of client_secret_basic, client_secret_post, private_key_jwt, none',
    'scope: must be string',
  ],
  ['a lifetime of nothing', { access_token_lifetime: 0 }, 'access_token_lifetime: must be >= 1'],
  ['half a second', { access_token_lifetime: 0.5 }, 'access_token_lifetime: must be integer'],
  ['too long a retry window', { refresh_retry_window: 121 }, 'refresh_retry_window: must be <= 120'],
  ['two blanks in a scope', { scope: 'a  b' }, /^scope: must match pattern/],
  ['a quote in a scope', { scope: 'a"b' }, /^scope: must match pattern/],
  ['no scope at all', { scope: '' }, /^scope: must match pattern/],
  [
    'a relative logo',
    { logo_uri: '/logo.svg' },
    'logo_uri: must be an http or https URL, or an image as a data: URI in base64, which pages show',
  ],
  [
    'a logo that is a page',
    { logo_uri: 'data:text/html;base64,PGI+' },
    'logo_uri: must be an http or https URL, or an image as a data: URI in base64, which pages show',
  ],
  [
    'a logo that ends its tag',
    { logo_uri: 'data:image/png;base64,AA"><script>' },
    'logo_uri: must be an http or https URL, or an image as a data: URI in base64, which pages show',
  ],
  ['a colour by name', { colour: 'teal' }, /^colour: must match pattern/],
  ['a script for a page', { client_uri: 'javascript:alert(1)' }, 'client_uri: must be an http or https URL'],
  ['a blank in a URL', { policy_uri: 'https://a.example/ x' }, 'policy_uri: must be an http or https URL'],
  ['a password in a URL', { tos_uri: 'https://u:p@a.example/' }, 'tos_uri: must be an http or https URL'],
  [
    'a redirect over http',
    { redirect_uris: ['http://a.example/'] },
    /^redirect_uris\[0\]: must be an https URL/,
  ],
  ['a redirect with a fragment', { redirect_uris: ['https://a/', 'https://a/#'] }, /^redirect_uris\[1\]/],
  ['a script for a redirect', { redirect_uris: ['javascript:alert(1)'] }, /^redirect_uris\[0\]/],
  ['localhost that is elsewhere', { redirect_uris: ['http://127.0.0.1.a.example/'] }, /^redirect_uris\[0\]/],
  ['jwks_uri over http', { jwks_uri: 'http://a.example/' }, /^jwks_uri: must be an https URL/],
  ['keys twice', { jwks, jwks_uri: 'https://a.example/' }, /^jwks: cannot stand beside jwks_uri/],
  [
    'private_key_jwt without a key',
    { token_endpoint_auth_method: 'private_key_jwt' },
    'token_endpoint_auth_method: private_key_jwt needs jwks or jwks_uri',
  ],
  [
    'a private key',
    { jwks: { keys: [publicKey, { ...publicKey, d: 'x' }] } },
    'jwks.keys[1]: has the private member d: register the public key alone',
  ],
  [
    'a shared key',
    { jwks: { keys: [{ kty: 'oct', k: 'x' }] } },
    'jwks.keys[0]: has the private member k: register the public key alone',
  ],
  ['a key of no type', { jwks: { keys: [{}] } }, 'jwks.keys[0]: has no kty (RFC 7517 4.1)'],
  ['a set without a key', { jwks: { keys: [] } }, 'jwks.keys: must not have fewer than 1 items'],
  [
    'a grant type that is not offered',
    { grant_types: ['client_credentials', 'password'] },
    'grant_types: password is not offered; this server offers authorization_code, client_credentials',
  ],
  [
    'a public client that acts for itself',
    { token_endpoint_auth_method: 'none' },
    'grant_types: client_credentials needs a client that authenticates (RFC 6749 4.4)',
  ],
  [
    'a password that suffices where none is taken',
    { password_suffices: true },
    'password_suffices: means nothing without first_party',
  ],
  [
    'a password that suffices where two factors are required',
    { first_party: true, password_suffices: true, require_acr: 'aal2' },
    'password_suffices: cannot stand beside require_acr aal2',
  ],
  ['an acr that nobody reaches', { require_acr: 'aal3' }, 'require_acr: must be one of aal1, aal2'],
  [
    'a public client without PKCE',
    { token_endpoint_auth_method: 'none', require_pkce: false },
    'grant_types: client_credentials needs a client that authenticates (RFC 6749 4.4)',
    'require_pkce: cannot be false for a public client (RFC 9700 2.1.1)',
  ],
  [
    'a response type without its grant',
    { response_types: ['code'] },
    'response_types: code does not go with these grant_types',
  ],
  [
    'an algorithm for a secret',
    { token_endpoint_auth_signing_alg: 'RS256' },
    'token_endpoint_auth_signing_alg: means nothing with client_secret_basic',
  ],
  [
    'a default resource outside the resources',
    { resources: ['urn:a:b'], default_resource: 'urn:a:c' },
    'default_resource: is not among resources',
  ],
  [
    'a resource with a fragment',
    { resources: ['https://a.example/#x'] },
    'resources[0]: must be an absolute URI without a fragment',
  ],
  ['a claim of the issuer', { claims: { sub: 'email' } }, 'claims.sub: is set by the issuer itself'],
  ['a path that is none', { claims: { roles: 'a..b' } }, /^claims\.roles: must match pattern/],
];

for (const [name, document, ...expected] of refusedClients) {
  t.test(`a client with ${name} is refused`, async (t) => {
    t.match(
      problems(() => parseClientMetadata(document)),
      expected,
    );
  });
}

t.test('a client that redirects asks for codes unless it says otherwise, as RFC 7591 has it', async (t) => {
  t.match(parseClientMetadata({ redirect_uris: ['https://app.example.com/cb'] }), {
    grant_types: ['authorization_code'],
    response_types: ['code'],
  });
});

t.test('a public first-party client gets its tokens by /api/token/, and refreshes them', async (t) => {
  const isPublic = { token_endpoint_auth_method: 'none', first_party: true };
  t.match(parseClientMetadata(isPublic), { grant_types: ['refresh_token'], response_types: [] });
  t.match(parseClientMetadata({ first_party: true }), { grant_types: ['client_credentials'] });
});

t.test('the message of a refusal names every problem', async (t) => {
  t.throws(() => parseClientMetadata({ resources: ['x'], logo_uri: 'y' }), {
    message:
      'logo_uri: must be an http or https URL, or an image as a data: URI in base64, which pages show; resources[0]: must be an absolute URI without a fragment',
  });
});

t.test('a resource needs its URI alone', async (t) => {
  t.strictSame(parseResourceMetadata({ resource: 'https://api.example.com' }), {
    resource: 'https://api.example.com',
    scopes: [],
    accessTokenLifetime: null,
    profile: 'rfc9068',
    signingAlg: 'RS256',
    requireAcr: null,
  });
});

t.test('a resource keeps what it is registered with', async (t) => {
  const document = {
    resource: 'urn:example:ledger',
    scopes: ['read', 'write'],
    access_token_lifetime: 30,
    profile: 'simplejwt',
    signing_alg: 'EdDSA',
    require_acr: 'aal2',
  };
  t.strictSame(parseResourceMetadata(document), {
    resource: 'urn:example:ledger',
    scopes: ['read', 'write'],
    accessTokenLifetime: 30,
    profile: 'simplejwt',
    signingAlg: 'EdDSA',
    requireAcr: 'aal2',
  });
});

const refusedResources: [name: string, document: unknown, problem: string | RegExp][] = [
  ['no URI', {}, 'resource: is required'],
  ['a relative URI', { resource: '/api' }, 'resource: must be an absolute URI without a fragment'],
  ['a fragment', { resource: 'https://a/#' }, 'resource: must be an absolute URI without a fragment'],
  ['two scopes in one', { resource: 'urn:a:b', scopes: ['a b'] }, /^scopes\[0\]: must match pattern/],
  ['a scope twice', { resource: 'urn:a:b', scopes: ['a', 'a'] }, /^scopes: /],
  ['HS256', { resource: 'urn:a:b', signing_alg: 'HS256' }, /^signing_alg: must be one of RS256, /],
  ['an unknown member', { resource: 'urn:a:b', scope: 'a' }, 'scope: unknown; did you mean scopes?'],
];

for (const [name, document, expected] of refusedResources) {
  t.test(`a resource with ${name} is refused`, async (t) => {
    t.match(
      problems(() => parseResourceMetadata(document)),
      [expected],
    );
  });
}
