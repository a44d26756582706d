// What is next, as a table: the whole of what a person is asked, and in which order.
import t from 'tap';
import type { AuthorizationRequest } from '../../src/oauth/authorization-request.ts';
import { nextStep, type Progress, type Situation, type Step } from '../../src/oauth/interaction.ts';

const startedAt = 10_000;
const now = startedAt + 100;
const before = { sub: 'ada', authTime: startedAt - 1_000, acr: 'aal1' };
const strong = { ...before, acr: 'aal2' };
const pending = { sub: 'ada', at: now - 599, accountCutOff: null };
const since = { ...before, authTime: startedAt + 50 };
const consent = { scopes: ['openid', 'email'], resources: ['https://api.example.com'], claims: ['name'] };

const request: AuthorizationRequest = {
  clientId: 'shop',
  redirectUri: 'https://app.example.com/callback',
  responseMode: 'query',
  scope: 'openid email',
  resources: [],
  prompts: [],
  uiLocales: [],
  acrValues: [],
};

interface Case {
  readonly request?: Partial<AuthorizationRequest>;
  readonly progress?: Partial<Progress>;
  readonly session?: Situation['session'];
  readonly consent?: Situation['consent'] | null;
  readonly client?: Situation['client'];
  readonly ofResources?: readonly string[];
  readonly hasSecondFactor?: boolean;
  readonly isMeant?: boolean;
}

const essential = (values: unknown) =>
  ({ claims: { id_token: { acr: { essential: true, values } } } }) as object;

const cases: readonly (readonly [name: string, expected: string, situation: Case])[] = [
  ['nobody is signed in', 'sign_in', {}],
  ['somebody is, and has consented', 'respond', { session: before }],
  ['somebody is, and has not consented', 'consent', { session: before, consent: null }],
  [
    'the client is of the house',
    'respond',
    { session: before, consent: null, client: { first_party: true } },
  ],
  ['more scope than was allowed', 'consent', { session: before, request: { scope: 'openid phone' } }],
  ['a resource that was not allowed', 'consent', { session: before, request: { resources: ['https://b'] } }],
  [
    'a claim that was not allowed',
    'consent',
    { session: before, request: { claims: { userinfo: { birthdate: null } } } },
  ],
  [
    'a claim that was allowed',
    'respond',
    { session: before, request: { claims: { userinfo: { name: null } } } },
  ],
  [
    'a claim that says nothing of a person',
    'respond',
    { session: before, request: { claims: { id_token: { acr: null } } } },
  ],
  ['consent just given', 'respond', { session: before, consent: null, progress: { consentedSub: 'ada' } }],
  [
    'consent just given by another account',
    'consent',
    { session: before, consent: null, progress: { consentedSub: 'bob' } },
  ],
  ['consent just refused', 'refuse consent_refused', { session: before, progress: { isRefused: true } }],
  [
    'consent refused, and nobody signed in any more',
    'refuse consent_refused',
    { progress: { isRefused: true } },
  ],

  ['prompt none, nobody', 'refuse login_required', { request: { prompts: ['none'] } }],
  [
    'prompt none, no consent',
    'refuse consent_required',
    { request: { prompts: ['none'] }, session: before, consent: null },
  ],
  ['prompt none, all there', 'respond', { request: { prompts: ['none'] }, session: before }],
  [
    'prompt none, too old',
    'refuse login_required',
    { request: { prompts: ['none'], maxAge: 60 }, session: before },
  ],
  [
    'prompt none, somebody else',
    'refuse login_required',
    { request: { prompts: ['none'] }, isMeant: false, session: before },
  ],
  [
    'prompt none, a client of the house',
    'respond',
    { request: { prompts: ['none'] }, session: before, consent: null, client: { first_party: true } },
  ],

  ['prompt login, signed in before', 'sign_in', { request: { prompts: ['login'] }, session: before }],
  ['prompt login, signed in since', 'respond', { request: { prompts: ['login'] }, session: since }],
  ['prompt consent, consented before', 'consent', { request: { prompts: ['consent'] }, session: before }],
  [
    'prompt consent, consented since',
    'respond',
    { request: { prompts: ['consent'] }, session: before, progress: { consentedSub: 'ada' } },
  ],
  [
    'prompt consent, a client of the house',
    'respond',
    { request: { prompts: ['consent'] }, session: before, client: { first_party: true } },
  ],
  ['prompt select_account, nobody', 'sign_in', { request: { prompts: ['select_account'] } }],
  [
    'prompt select_account, not chosen',
    'select_account',
    { request: { prompts: ['select_account'] }, session: before },
  ],
  [
    'prompt select_account, chosen',
    'respond',
    { request: { prompts: ['select_account'] }, session: before, progress: { chosenSub: 'ada' } },
  ],
  [
    'prompt select_account, another one chosen',
    'select_account',
    { request: { prompts: ['select_account'] }, session: before, progress: { chosenSub: 'bob' } },
  ],
  [
    'prompt login and consent, first the one',
    'sign_in',
    { request: { prompts: ['login', 'consent'] }, session: before },
  ],
  [
    'prompt login and consent, then the other',
    'consent',
    { request: { prompts: ['login', 'consent'] }, session: since },
  ],
  ['another account is wanted', 'sign_in', { session: before, progress: { anotherAccountAt: now - 1 } }],
  [
    'another account was wanted, and is there',
    'respond',
    { session: since, progress: { anotherAccountAt: since.authTime } },
  ],

  ['max_age, too old', 'sign_in', { request: { maxAge: 1_099 }, session: before }],
  ['max_age, just not too old', 'respond', { request: { maxAge: 1_100 }, session: before }],
  ['max_age 0, signed in before', 'sign_in', { request: { maxAge: 0 }, session: before }],
  ['max_age 0, signed in since', 'respond', { request: { maxAge: 0 }, session: since }],
  ['the account that is hinted at', 'respond', { isMeant: true, session: before }],
  ['another account than is hinted at', 'sign_in', { isMeant: false, session: before }],

  ['an acr that can be reached', 'respond', { request: essential(['aal1']), session: before }],
  [
    'one of several that can be reached',
    'respond',
    { request: essential(['aal3', 'aal1']), session: before },
  ],
  [
    'an acr that cannot be reached',
    'refuse acr_not_reachable',
    { request: essential(['aal3']), session: before },
  ],
  ['an acr that cannot be reached, nobody', 'refuse acr_not_reachable', { request: essential(['aal3']) }],
  ['an acr that the session is above', 'respond', { request: essential(['aal1']), session: strong }],
  ['an acr that the session has', 'respond aal2', { request: essential(['aal2', 'aal1']), session: strong }],
  ['an acr of two factors, nobody', 'sign_in', { request: essential(['aal2']) }],
  ['the same, without a second factor', 'enrol', { request: essential(['aal2']), session: before }],
  [
    'the same, with one',
    'second_factor step-up',
    { request: essential(['aal2']), session: before, hasSecondFactor: true },
  ],
  [
    'the same, prompt none',
    'refuse login_required',
    { request: { ...essential(['aal2']), prompts: ['none'] }, session: before, hasSecondFactor: true },
  ],
  [
    'the same, given up',
    'refuse acr_given_up',
    { request: essential(['aal2']), session: before, progress: { hasGivenUp: true } },
  ],
  [
    'the same, given up, and had all the same',
    'respond aal2',
    { request: essential(['aal2']), session: strong, progress: { hasGivenUp: true } },
  ],
  [
    'an acr of two factors, and the session is too old as well',
    'sign_in',
    { request: { ...essential(['aal2']), maxAge: 60 }, session: before, hasSecondFactor: true },
  ],
  [
    'another account is to be chosen before the second factor',
    'select_account',
    {
      request: { ...essential(['aal2']), prompts: ['select_account'] },
      session: before,
      hasSecondFactor: true,
    },
  ],
  [
    'consent comes after the second factor',
    'second_factor step-up',
    { request: essential(['aal2']), session: before, consent: null, hasSecondFactor: true },
  ],
  [
    'a client that requires it',
    'second_factor step-up',
    { client: { require_acr: 'aal2' }, session: before, hasSecondFactor: true },
  ],
  ['a resource that requires it', 'enrol', { ofResources: ['aal1', 'aal2'], session: before }],
  ['a resource that requires it, met', 'respond aal2', { ofResources: ['aal2'], session: strong }],
  [
    'a resource that requires more than is asked for',
    'refuse acr_not_reachable',
    { ofResources: ['aal2'], request: essential(['aal1']), session: strong },
  ],

  ['half signed in', 'second_factor sign-in', { progress: { pending } }],
  ['half signed in, too long', 'sign_in', { progress: { pending: { ...pending, at: now - 600 } } }],
  ['half signed in, and wholly in another tab', 'respond', { progress: { pending }, session: before }],
  [
    'half signed in, where the session will not do',
    'second_factor sign-in',
    { progress: { pending }, session: before, request: { prompts: ['login'] } },
  ],
  [
    'half signed in, prompt none',
    'refuse login_required',
    { progress: { pending }, request: { prompts: ['none'] } },
  ],

  [
    'a wish for more, which can be met',
    'second_factor step-up',
    { request: { acrValues: ['aal3', 'aal2'] }, session: before, hasSecondFactor: true },
  ],
  ['a wish for more, which cannot', 'respond', { request: { acrValues: ['aal2'] }, session: before }],
  [
    'a wish for more, which is declined',
    'respond',
    {
      request: { acrValues: ['aal2'] },
      session: before,
      hasSecondFactor: true,
      progress: { hasGivenUp: true },
    },
  ],
  [
    'a wish for more, prompt none',
    'respond',
    { request: { acrValues: ['aal2'], prompts: ['none'] }, session: before, hasSecondFactor: true },
  ],
  [
    'a wish that likes less better',
    'respond',
    { request: { acrValues: ['aal1', 'aal2'] }, session: before, hasSecondFactor: true },
  ],
  [
    'a wish of the client itself',
    'second_factor step-up',
    { client: { default_acr_values: ['aal2'] }, session: before, hasSecondFactor: true },
  ],
  [
    'a wish of the client itself, and another one of the request',
    'respond',
    {
      client: { default_acr_values: ['aal2'] },
      request: { acrValues: ['aal1'] },
      session: before,
      hasSecondFactor: true,
    },
  ],
  [
    'a wish by the claims parameter',
    'second_factor step-up',
    {
      request: { claims: { id_token: { acr: { values: ['aal2'] } } } },
      session: before,
      hasSecondFactor: true,
    },
  ],
  ['acr_values are a wish', 'respond', { request: { acrValues: ['aal3'] }, session: before }],

  ['answered a moment ago', 'respond', { session: before, progress: { answeredAt: now - 9 } }],
  ['answered', 'over', { session: before, progress: { answeredAt: now - 10 } }],
  ['refused and answered', 'over', { session: before, progress: { isRefused: true, answeredAt: now - 10 } }],
];

function inWords(next: Step): string {
  if (next.step === 'refuse') return `refuse ${next.reason}`;
  if (next.step === 'respond') return next.acr === 'aal1' ? 'respond' : `respond ${next.acr}`;
  return next.step === 'second_factor' ? `second_factor ${next.isStepUp ? 'step-up' : 'sign-in'}` : next.step;
}

for (const [name, expected, given] of cases) {
  t.test(`${name}: ${expected}`, async (t) => {
    const next = nextStep({
      request: { ...request, ...given.request },
      client: given.client ?? {},
      progress: { startedAt, ...given.progress },
      session: given.session,
      isMeant: given.isMeant ?? true,
      consent: given.consent === null ? undefined : consent,
      ofResources: given.ofResources ?? [],
      hasSecondFactor: given.hasSecondFactor ?? false,
      now,
    });
    t.equal(inWords(next), expected);
  });
}
