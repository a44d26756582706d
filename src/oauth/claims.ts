// Claims of accounts in tokens: which names they may take, and how the account's own values are found.
import type { AccountRecord } from '../stores/stores.ts';

/** Claims that the issuer sets itself; an account must not be able to speak for it. */
export const issuerClaims: ReadonlySet<string> = new Set(
  (
    'iss sub aud exp nbf iat jti typ client_id scope auth_time acr amr sid azp nonce at_hash c_hash ' +
    'cnf act may_act events token_type user_id'
  ).split(' '),
);

/** The path of a value in an account, such as `attributes.roles`, as a JSON Schema pattern. */
export const accountPath = '^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z][A-Za-z0-9_-]*)*$';

/** The claims of an account by the names that a token gives them; what the account does not have is left out. */
export function accountClaims(
  { email, name, claims }: Pick<AccountRecord, 'email' | 'name' | 'claims'>,
  paths: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const facts = { ...claims, email, ...(name !== null && { name }) };
  const found = Object.entries(paths).map(([claim, path]) => [claim, valueAt(facts, path)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

const valueAt = (facts: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, member) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, member)
          ? (value as Record<string, unknown>)[member]
          : undefined,
      facts,
    );
