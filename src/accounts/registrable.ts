// What an account may be: an e-mail address, a name that can be shown, claims that fit into a token. The rule it
// keeps: no account speaks for the issuer.
import { issuerClaims } from '../oauth/claims.ts';
import { OperatorError } from '../operator-error.ts';
import { isEmail } from './email.ts';

/** Every token that the account is in carries its claims. */
const claimsSizeLimit = 8_192;
const nameLengthLimit = 200;

/** Throws OperatorError. */
export function assertRegistrable(
  email: string,
  name: string | undefined,
  claims: unknown,
): asserts claims is Record<string, unknown> {
  if (!isEmail(email)) throw new OperatorError(`${email} is no e-mail address: write it as name@example.com`);
  if (
    name !== undefined &&
    (name.trim() === '' || name.length > nameLengthLimit || /[\p{Cc}\p{Surrogate}]/u.test(name))
  ) {
    throw new OperatorError(
      `the name should have 1 to ${nameLengthLimit} characters, and no control characters`,
    );
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new OperatorError('the claims should be a JSON object, such as {"attributes":{"roles":["admin"]}}');
  }
  const own = Object.keys(claims).filter(
    (claim) => issuerClaims.has(claim) || ['email', 'name'].includes(claim),
  );
  if (own.length > 0) {
    throw new OperatorError(
      `claims cannot hold ${own.join(', ')}: the issuer sets these itself, from --email and --name`,
    );
  }
  if (!isStorable(claims)) {
    throw new OperatorError('the claims have a NUL or half a character in them, or are nested too deeply');
  }
  if (Buffer.byteLength(JSON.stringify(claims)) > claimsSizeLimit) {
    throw new OperatorError(
      `the claims are larger than ${claimsSizeLimit} bytes: tokens would not fit into a header`,
    );
  }
}

const depthLimit = 100;

/** Neither a NUL nor half a surrogate pair is in a name or a value, and no level is beyond what JSON is written to. */
function isStorable(claims: object): boolean {
  let level: unknown[] = [claims];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthLimit || level.some(isBroken)) return false;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? [...Object.keys(value), ...Object.values(value)] : [],
    );
  }
  return true;
}

const isBroken = (text: unknown): boolean => typeof text === 'string' && /[\0\p{Surrogate}]/u.test(text);
