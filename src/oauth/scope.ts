// Scope: RFC 6749 3.3. The rule it keeps: nobody gets more than both the client and the resource are registered
// for, and asking for more is refused and not cut.

const token = '[\\x21\\x23-\\x5B\\x5D-\\x7E]+';

/** One scope token (RFC 6749 3.3), as a JSON Schema pattern. */
export const scopeTokenPattern = `^${token}$`;

/** Scope tokens parted by single blanks. */
export const scopePattern = `^${token}( ${token})*$`;
