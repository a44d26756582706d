// Proof Key for Code Exchange: RFC 7636, RFC 9700 2.1.1. The rules it keeps: S256 alone, and a verifier is never
// ignored, nor is a challenge.
import { hash, timingSafeEqual } from 'node:crypto';
import { OAuthError } from './errors.ts';

const challengeFormat = /^[A-Za-z0-9_-]{43}$/;
const verifierFormat = /^[A-Za-z0-9\-._~]{43,128}$/;

/** The challenge of an authorization request; undefined where it has none. Throws OAuthError. */
export function readChallenge(values: ReadonlyMap<string, string>, isRequired: boolean): string | undefined {
  const [challenge, method] = [values.get('code_challenge'), values.get('code_challenge_method')];
  if (challenge === undefined) {
    if (method !== undefined) throw new OAuthError('pkce_challenge_missing');
    if (isRequired) throw new OAuthError('pkce_required');
    return undefined;
  }
  // RFC 7636 4.3: without a method it would be plain.
  if (method !== 'S256') throw new OAuthError('pkce_method_unsupported');
  if (!challengeFormat.test(challenge)) throw new OAuthError('pkce_challenge_malformed');
  return challenge;
}

/** Throws OAuthError unless the verifier is the one behind the challenge, and there is one where the other is. */
export function assertVerifier(verifier: string | undefined, challenge: string | undefined): void {
  if (challenge === undefined) {
    // RFC 9700 4.8.2: the challenge was taken out on the way.
    if (verifier !== undefined) throw new OAuthError('pkce_verifier_without_challenge');
    return;
  }
  if (verifier === undefined) throw new OAuthError('pkce_verifier_missing');
  if (!verifierFormat.test(verifier)) throw new OAuthError('pkce_verifier_wrong');
  const offered = Buffer.from(hash('sha256', verifier, 'base64url'));
  if (!timingSafeEqual(offered, Buffer.from(challenge))) throw new OAuthError('pkce_verifier_wrong');
}
