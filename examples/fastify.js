// A resource server on Fastify: @fastify/jwt verifies, get-jwks fetches the issuer's keys.
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 node examples/fastify.js
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
import fastifyJwt from '@fastify/jwt';
import Fastify from 'fastify';
import buildGetJwks from 'get-jwks';

const { ISSUER: issuer, AUDIENCE: audience, PORT = '4000', JWKS_URI: jwksUri } = process.env;
if (!issuer || !audience) throw new Error('ISSUER and AUDIENCE are needed');

// Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
const cacheLifetime = Number(process.env.JWKS_CACHE_LIFETIME ?? 60);
const getJwks = buildGetJwks({
  issuersWhitelist: [issuer],
  // With no JWKS_URI of one's own the issuer's metadata say where the keys are.
  ...(jwksUri ? { jwksPath: jwksUri.slice(issuer.length) } : { providerDiscovery: true }),
  ttl: cacheLifetime * 1000,
});
const app = Fastify();
await app.register(fastifyJwt, {
  decode: { complete: true },
  secret: (_request, { header, payload }) =>
    getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain: payload.iss }),
  verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: audience, checkTyp: 'at+jwt' },
});

app.setErrorHandler((error, _request, reply) => {
  // A token of a wrong algorithm would be a 500 otherwise: whatever the verifier says, it is the token's fault.
  if (!/^(FAST_JWT|FST_JWT|JWK)/.test(error.code ?? '') && error.statusCode !== 401) return reply.send(error);
  return reply
    .code(401)
    .header('www-authenticate', 'Bearer error="invalid_token"')
    .send({ error: 'invalid_token' });
});
app.get('/', { onRequest: (request) => request.jwtVerify() }, (request) => request.user);

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
