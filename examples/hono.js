// A resource server on Hono: jose verifies, and fetches the issuer's keys. On other runtimes than Node export the app.
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 node examples/hono.js
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER: issuer, AUDIENCE: audience, PORT = '4000', JWKS_URI: jwksUri } = process.env;
if (!issuer || !audience) throw new Error('ISSUER and AUDIENCE are needed');

// It keeps the JWKS for ten minutes; the issuer's keys.verifier_cache_lifetime must be at least as long.
const keys = createRemoteJWKSet(new URL(jwksUri ?? `${issuer}/.well-known/jwks.json`));

const withToken = createMiddleware(async (context, next) => {
  const [, token = ''] = context.req.header('authorization')?.match(/^Bearer +(\S+)$/i) ?? [];
  try {
    const options = { algorithms: ['RS256'], issuer, audience, typ: 'at+jwt' };
    const { payload } = await jwtVerify(token, keys, options);
    context.set('token', payload);
  } catch {
    context.header('www-authenticate', 'Bearer error="invalid_token"');
    return context.json({ error: 'invalid_token' }, 401);
  }
  return next();
});

const app = new Hono();
app.get('/', withToken, (context) => context.json(context.get('token')));

serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' });
