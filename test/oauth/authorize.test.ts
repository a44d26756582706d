// The authorization request, check by check: what is shown to the person, what is told to the client, and in which order.
import t from 'tap';
import { type Authorize, authorize } from '../../src/oauth/authorize.ts';
import { parseClientMetadata } from '../../src/oauth/client.ts';
import { parseForm } from '../../src/oauth/parameters.ts';
import type { ClientRecord, ResourceRecord } from '../../src/stores/stores.ts';

const issuer = 'https://id.example.com';
const redirectUri = 'https://app.example.com/callback';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const clientOf = (clientId: string, document: object, disabledAt: number | null = null): ClientRecord => ({
  clientId,
  metadata: parseClientMetadata({ redirect_uris: [redirectUri], ...document }),
  secrets: [],
  createdAt: 0,
  updatedAt: 0,
  disabledAt,
  tokensValidAfter: null,
});

const resourceOf = (resource: string, scopes: string[]): ResourceRecord => ({
  resource,
  scopes,
  accessTokenLifetime: null,
  profile: 'rfc9068',
  signingAlg: 'RS256',
  requireAcr: null,
  createdAt: 0,
  updatedAt: 0,
});

const clients = [
  clientOf('public', { token_endpoint_auth_method: 'none' }),
  clientOf('confidential', { scope: 'openid email read write' }),
  clientOf('old', { require_pkce: false }),
  clientOf('patient', { default_max_age: 600 }),
  clientOf('machine', { grant_types: ['client_credentials'] }),
  clientOf('homely', { scope: 'openid read', default_resource: 'https://api.example.com' }),
  clientOf('gone', {}, 1),
];
const resources = [
  resourceOf('https://api.example.com', ['read']),
  resourceOf('https://b.example.com', ['write']),
  resourceOf('https://secret.example.com', ['secret']),
];

const as = {
  issuer,
  clients: { find: async (id: string) => clients.find(({ clientId }) => clientId === id) },
  resources: { find: async (uri: string) => resources.find(({ resource }) => resource === uri) },
  // No text here is an ID token; test/http/frontchannel.test.ts has real ones.
  verifier: { verify: () => undefined },
} as unknown as Parameters<typeof authorize>[0];

const base = {
  client_id: 'confidential',
  redirect_uri: redirectUri,
  response_type: 'code',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  state: 'a b&c=d',
};

type Change = Record<string, string | undefined>;

/** The base request with members changed; undefined takes one out. */
async function ask(change: Change = {}, more = ''): Promise<Authorize> {
  const pairs = Object.entries({ ...base, ...change }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return authorize(as, parseForm(Buffer.from(new URLSearchParams(pairs).toString() + more)));
}

const pages: readonly (readonly [string, Change])[] = [
  ['client_id_missing', { client_id: undefined }],
  ['client_id_missing', { client_id: '' }],
  ['authorize_client_unknown', { client_id: 'nobody' }],
  ['authorize_client_unknown', { client_id: '__proto__' }],
  ['authorize_client_disabled', { client_id: 'gone' }],
  ['redirect_uri_missing', { redirect_uri: undefined }],
  ['redirect_uri_not_registered', { redirect_uri: 'https://evil.example/callback' }],
  ['redirect_uri_not_registered', { redirect_uri: `${redirectUri}/` }],
];

for (const [reason, change] of pages) {
  t.test(`${reason} is shown to the person: ${JSON.stringify(change)}`, async (t) => {
    const result = await ask(change);
    t.match(result, { outcome: 'page', error: { reason } });
    t.notOk('response' in result);
  });
}

const acr = (request: unknown) => JSON.stringify({ id_token: { acr: request } });

const responses: readonly (readonly [reason: string, error: string, Change, more?: string])[] = [
  ['request_not_supported', 'request_not_supported', { request: 'x' }],
  ['request_uri_not_supported', 'request_uri_not_supported', { request_uri: 'https://x' }],
  ['registration_not_supported', 'registration_not_supported', { registration: '{}' }],
  ['response_mode_unsupported', 'invalid_request', { response_mode: 'fragment' }],
  ['response_mode_unsupported', 'invalid_request', { response_mode: 'web_message' }],
  ['response_type_missing', 'invalid_request', { response_type: undefined }],
  ['response_type_unsupported', 'unsupported_response_type', { response_type: 'token' }],
  ['response_type_unsupported', 'unsupported_response_type', { response_type: 'id_token' }],
  ['response_type_unsupported', 'unsupported_response_type', { response_type: 'code id_token' }],
  ['response_type_unsupported', 'unsupported_response_type', { response_type: 'none' }],
  ['response_type_not_registered', 'unauthorized_client', { client_id: 'machine' }],
  ['display_unsupported', 'invalid_request', { display: 'hologram' }],
  ['resource_malformed', 'invalid_target', {}, '&resource=nothing'],
  ['resource_malformed', 'invalid_target', {}, '&resource=https://api.example.com%23x'],
  ['resource_unknown', 'invalid_target', {}, '&resource=https://nowhere.example'],
  ['resource_not_allowed', 'invalid_target', {}, '&resource=https://secret.example.com'],
  [
    'resource_unknown',
    'invalid_target',
    {},
    '&resource=https://api.example.com&resource=https://nowhere.example',
  ],
  ['scope_malformed', 'invalid_scope', { scope: 'openid  email' }],
  ['scope_malformed', 'invalid_scope', { scope: 'op"enid' }],
  ['pkce_required', 'invalid_request', { code_challenge: undefined, code_challenge_method: undefined }],
  [
    'pkce_required',
    'invalid_request',
    { client_id: 'public', code_challenge: undefined, code_challenge_method: undefined },
  ],
  ['pkce_challenge_missing', 'invalid_request', { code_challenge: undefined }],
  ['pkce_method_unsupported', 'invalid_request', { code_challenge_method: 'plain' }],
  ['pkce_method_unsupported', 'invalid_request', { code_challenge_method: undefined }],
  ['pkce_method_unsupported', 'invalid_request', { client_id: 'old', code_challenge_method: 'plain' }],
  ['pkce_challenge_malformed', 'invalid_request', { code_challenge: 'short' }],
  ['prompt_unsupported', 'invalid_request', { prompt: 'create' }],
  ['prompt_unsupported', 'invalid_request', { prompt: 'login LOGIN' }],
  ['prompt_none_not_alone', 'invalid_request', { prompt: 'none login' }],
  ['max_age_malformed', 'invalid_request', { max_age: '-1' }],
  ['max_age_malformed', 'invalid_request', { max_age: '1.5' }],
  ['max_age_malformed', 'invalid_request', { max_age: '1e3' }],
  ['too_many_values', 'invalid_request', { ui_locales: 'de '.repeat(21) }],
  ['too_many_values', 'invalid_request', { acr_values: 'a '.repeat(21) }],
  ['claims_malformed', 'invalid_request', { claims: 'x' }],
  ['claims_malformed', 'invalid_request', { claims: '[]' }],
  ['claims_malformed', 'invalid_request', { claims: '{"userinfo":{"name":"yes"}}' }],
  ['claims_malformed', 'invalid_request', { claims: acr({ essential: 'yes' }) }],
  ['id_token_hint_invalid', 'invalid_request', { id_token_hint: 'x.y.z' }],
];

for (const [reason, error, change, more] of responses) {
  t.test(
    `${reason} is told to the client: ${JSON.stringify(change).slice(0, 90)}${more ?? ''}`,
    async (t) => {
      const result = await ask(change, more);
      t.match(result, {
        outcome: 'respond',
        error: { reason, clientId: change.client_id ?? 'confidential' },
        response: {
          target: { redirectUri, responseMode: 'query', state: base.state },
          parameters: { error, state: base.state, iss: issuer },
        },
      });
    },
  );
}

t.test('the answer goes by the mode that was asked for', async (t) => {
  const result = await ask({ response_mode: 'form_post', response_type: 'token' });
  t.match(result, { outcome: 'respond', response: { target: { responseMode: 'form_post' } } });
});

t.test('without a state there is none in the answer', async (t) => {
  const result = await ask({ state: undefined, prompt: 'x' });
  t.equal(result.outcome, 'respond');
  t.notOk('response' in result && 'state' in result.response.parameters);
});

t.test('everything wrong at once: the person is told first, of the first', async (t) => {
  const all = { request: 'x', response_type: 'x', response_mode: 'x', prompt: 'x', scope: '"', max_age: 'x' };
  const order: readonly (readonly [Change, string])[] = [
    [{ client_id: undefined, redirect_uri: undefined }, 'client_id_missing'],
    [{ client_id: 'nobody', redirect_uri: undefined }, 'authorize_client_unknown'],
    [{ redirect_uri: undefined }, 'redirect_uri_missing'],
    [{ redirect_uri: 'https://evil.example' }, 'redirect_uri_not_registered'],
    [{}, 'request_not_supported'],
    [{ request: undefined }, 'response_mode_unsupported'],
    [{ request: undefined, response_mode: undefined }, 'response_type_unsupported'],
  ];
  for (const [change, reason] of order) t.match(await ask({ ...all, ...change }), { error: { reason } });
});

const good: readonly (readonly [name: string, Change, expected: object, more?: string])[] = [
  [
    'the least',
    { state: undefined },
    { clientId: 'confidential', redirectUri, codeChallenge: challenge, prompts: [] },
  ],
  [
    'no challenge where the client says so',
    { client_id: 'old', code_challenge: undefined, code_challenge_method: undefined },
    { codeChallenge: undefined },
  ],
  ['a challenge where the client need not', { client_id: 'old' }, { codeChallenge: challenge }],
  ['scope that is not registered is passed over', { scope: 'openid admin email' }, { scope: 'openid email' }],
  [
    'scope of the resources',
    { scope: 'openid read write' },
    { scope: 'openid read', resources: ['https://api.example.com'] },
    '&resource=https://api.example.com',
  ],
  [
    'several resources, each once',
    { scope: 'read write' },
    { scope: 'read write', resources: ['https://api.example.com', 'https://b.example.com'] },
    '&resource=https://api.example.com&resource=https://b.example.com&resource=https://api.example.com',
  ],
  [
    'the resource of the client',
    { client_id: 'homely' },
    { scope: 'read', resources: ['https://api.example.com'] },
  ],
  ['prompts, each once', { prompt: 'login  consent login' }, { prompts: ['login', 'consent'] }],
  ['max_age', { max_age: '0' }, { maxAge: 0 }],
  ['max_age of the client', { client_id: 'patient' }, { maxAge: 600 }],
  ['max_age before that of the client', { client_id: 'patient', max_age: '5' }, { maxAge: 5 }],
  [
    'hints and wishes',
    { login_hint: '<ada>', ui_locales: 'de en', acr_values: 'a b', display: 'popup', nonce: 'n' },
    { loginHint: '<ada>', uiLocales: ['de', 'en'], acrValues: ['a', 'b'], nonce: 'n' },
  ],
  [
    'claims',
    { claims: acr({ essential: true, values: ['aal1'] }) },
    { claims: { id_token: { acr: { essential: true, values: ['aal1'] } } } },
  ],
  ['a sub by its value', { claims: '{"id_token":{"sub":{"value":"ada"}}}' }, { subjectHint: 'ada' }],
  [
    'claims that nobody knows',
    { claims: '{"verified_claims":{},"userinfo":{"https://x":null}}' },
    { claims: { userinfo: { 'https://x': null } } },
  ],
  ['parameters that nobody knows', { foo: 'bar', audience: 'x' }, { clientId: 'confidential' }],
];

for (const [name, change, expected, more] of good) {
  t.test(`good: ${name}`, async (t) =>
    t.match(await ask(change, more), { outcome: 'good', request: expected }),
  );
}
