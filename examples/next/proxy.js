// A resource server on Next.js 16: jose verifies before every route of the API, and fetches the issuer's keys. Before
// Next.js 16 this file is middleware.js, and the function is called middleware.
//   cd examples/next && npm install && npm run build
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 npm start
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/api/me
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { NextResponse } from 'next/server';

const { ISSUER: issuer, AUDIENCE: audience, JWKS_URI: jwksUri } = process.env;

// It keeps the JWKS for ten minutes; the issuer's keys.verifier_cache_lifetime must be at least as long.
const keys = createRemoteJWKSet(new URL(jwksUri ?? `${issuer}/.well-known/jwks.json`));

export async function proxy(request) {
  const [, token = ''] = request.headers.get('authorization')?.match(/^Bearer +(\S+)$/i) ?? [];
  try {
    await jwtVerify(token, keys, { algorithms: ['RS256'], issuer, audience, typ: 'at+jwt' });
    return NextResponse.next();
  } catch {
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
    return NextResponse.json({ error: 'invalid_token' }, { status: 401, headers });
  }
}

export const config = { matcher: '/api/:path*' };
