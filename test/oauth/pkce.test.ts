// Proof Key for Code Exchange: the whole of RFC 7636 4 as a table, with the example of its appendix B.
import t from 'tap';
import { OAuthError } from '../../src/oauth/errors.ts';
import { assertVerifier, readChallenge } from '../../src/oauth/pkce.ts';

const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** What comes of it: a value, or the reason of a refusal. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error instanceof OAuthError ? error.reason : error;
  }
}

const requests: readonly (readonly [Record<string, string>, required: boolean, expected: unknown])[] = [
  [{ code_challenge: challenge, code_challenge_method: 'S256' }, true, challenge],
  [{ code_challenge: challenge, code_challenge_method: 'S256' }, false, challenge],
  [{}, true, 'pkce_required'],
  [{}, false, undefined],
  [{ code_challenge: challenge }, true, 'pkce_method_unsupported'],
  [{ code_challenge: challenge }, false, 'pkce_method_unsupported'],
  [{ code_challenge: challenge, code_challenge_method: 'plain' }, true, 'pkce_method_unsupported'],
  [{ code_challenge: challenge, code_challenge_method: 's256' }, true, 'pkce_method_unsupported'],
  [{ code_challenge_method: 'S256' }, true, 'pkce_challenge_missing'],
  [{ code_challenge_method: 'S256' }, false, 'pkce_challenge_missing'],
  ...['', `${challenge}=`, challenge.slice(1), `${challenge}A`, challenge.replace('-', '+'), `${challenge}\n`]
    .filter((text) => text !== '')
    .map(
      (text) =>
        [{ code_challenge: text, code_challenge_method: 'S256' }, true, 'pkce_challenge_malformed'] as const,
    ),
];

for (const [values, isRequired, expected] of requests) {
  t.test(`${JSON.stringify(values)}, ${isRequired ? '' : 'not '}required: ${expected}`, async (t) => {
    t.equal(
      outcome(() => readChallenge(new Map(Object.entries(values)), isRequired)),
      expected,
    );
  });
}

const exchanges: readonly (readonly [string | undefined, string | undefined, unknown])[] = [
  [verifier, challenge, undefined],
  [undefined, undefined, undefined],
  [verifier, undefined, 'pkce_verifier_without_challenge'],
  [undefined, challenge, 'pkce_verifier_missing'],
  [challenge, challenge, 'pkce_verifier_wrong'],
  [verifier.slice(1), challenge, 'pkce_verifier_wrong'],
  [`${verifier}A`, challenge, 'pkce_verifier_wrong'],
  [verifier.toUpperCase(), challenge, 'pkce_verifier_wrong'],
  ['a'.repeat(129), challenge, 'pkce_verifier_wrong'],
  [`${verifier}\n`, challenge, 'pkce_verifier_wrong'],
  ['ä'.repeat(43), challenge, 'pkce_verifier_wrong'],
];

for (const [given, behind, expected] of exchanges) {
  t.test(`verifier ${given?.slice(0, 50)} for ${behind}: ${expected ?? 'good'}`, async (t) => {
    t.equal(
      outcome(() => assertVerifier(given, behind)),
      expected,
    );
  });
}
