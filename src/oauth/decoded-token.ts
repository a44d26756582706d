// A token as people have it at hand, taken apart without being believed: RFC 7519 7.2.

import { type DecodedToken, decodeJws, type Undecodable } from '../verify/jws.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Takes a token as people have it at hand: alone, after `Bearer`, or in the JSON of a token response.
 */
export function decodeToken(text: string): DecodedToken | Undecodable {
  const jws = tokenIn(text.trim());
  return typeof jws === 'string' ? decodeJws(jws) : jws;
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
