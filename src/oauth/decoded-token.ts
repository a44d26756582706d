// A signed JWT taken apart without being believed: RFC 7515 5.2 steps 1 to 4, RFC 7519 7.2.

type JsonObject = Readonly<Record<string, unknown>>;

export interface DecodedToken {
  /** the compact serialisation alone */
  readonly jws: string;
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** Why a text cannot be taken apart, in words. */
export interface Undecodable {
  readonly problem: string;
}

/**
 * Takes a token as people have it at hand: alone, after `Bearer`, or in the JSON of a token response.
 */
export function decodeToken(text: string): DecodedToken | Undecodable {
  const jws = tokenIn(text.trim());
  return typeof jws === 'string' ? decodeJws(jws) : jws;
}

/** Takes apart a compact serialisation, and nothing around it. */
export function decodeJws(jws: string): DecodedToken | Undecodable {
  const parts = jws.split('.');
  if (parts.length === 5)
    return { problem: 'it is encrypted (JWE), and this issuer signs and does not encrypt' };
  if (parts.length !== 3) return { problem: `it is no JWT: it has ${parts.length} of 3 parts` };
  const [header, claims] = [objectIn(parts[0]), objectIn(parts[1])];
  if (!header) return { problem: 'its header is no JSON object in base64url' };
  if (!claims) return { problem: 'its claims are no JSON object in base64url' };
  return { jws, header, claims };
}

function tokenIn(text: string): string | Undecodable {
  if (text === '') return { problem: 'there is no token: nothing was given' };
  if (!text.startsWith('{')) return text.replace(/^(authorization: *)?bearer +/i, '');
  try {
    const { access, access_token = access, error, error_description } = JSON.parse(text) as JsonObject;
    if (typeof access_token === 'string') return access_token;
    const told =
      typeof error === 'string' ? `it is the error ${error} (${String(error_description)})` : 'it has none';
    return { problem: `there is no access_token in this JSON: ${told}` };
  } catch {
    return { problem: 'it is neither a JWT nor JSON with an access_token' };
  }
}

/** Canonical base64url alone (RFC 7515 2), so that no token has two spellings. */
function objectIn(part: string | undefined): JsonObject | undefined {
  const bytes = Buffer.from(part ?? '', 'base64url');
  if (bytes.toString('base64url') !== part) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
