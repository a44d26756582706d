// A resource server on Express: express-oauth2-jwt-bearer verifies, and fetches the issuer's keys.
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 node examples/express.js
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

const { ISSUER: issuer, AUDIENCE: audience, PORT = '4000', JWKS_URI: jwksUri } = process.env;
if (!issuer || !audience) throw new Error('ISSUER and AUDIENCE are needed');

const app = express();
app.use(
  auth({
    // Without JWKS_URI the issuer's metadata say where the keys are.
    ...(jwksUri ? { jwksUri, issuer } : { issuerBaseURL: issuer }),
    audience,
    tokenSigningAlg: 'RS256',
    // RFC 9068: an access token says that it is one.
    strict: true,
    // Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
    cacheMaxAge: Number(process.env.JWKS_CACHE_LIFETIME ?? 600) * 1000,
    cooldownDuration: Number(process.env.JWKS_COOLDOWN ?? 30) * 1000,
  }),
);
app.get('/', requiredScopes('read'), (request, response) => {
  response.json(request.auth.payload);
});

app.listen(Number(PORT), '127.0.0.1');
