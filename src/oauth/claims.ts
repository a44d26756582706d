// Claims of accounts in tokens: which names they may take, and how the account's own values are found.

/** Claims that the issuer sets itself; an account must not be able to speak for it. */
export const issuerClaims: ReadonlySet<string> = new Set(
  (
    'iss sub aud exp nbf iat jti typ client_id scope auth_time acr amr sid azp nonce at_hash c_hash ' +
    'cnf act may_act events token_type user_id'
  ).split(' '),
);

/** The path of a value in an account, such as `attributes.roles`, as a JSON Schema pattern. */
export const accountPath = '^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z][A-Za-z0-9_-]*)*$';
