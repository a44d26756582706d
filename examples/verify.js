// Verifies access tokens with jose, as a service does: knowing only the issuer and its own name.
//   node examples/verify.js ISSUER AUDIENCE < token.json
// Every line of the input is a token or a token response; every line of the output says what became of it.
import { createInterface } from 'node:readline';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, audience] = process.argv.slice(2);
if (!issuer || !audience) throw new Error('usage: verify.js ISSUER AUDIENCE, tokens on standard input');

// Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
const cacheLifetime = Number(process.env.JWKS_CACHE_LIFETIME ?? 600);
const keys = createRemoteJWKSet(new URL(process.env.JWKS_URI ?? (await jwksUri())), {
  cacheMaxAge: cacheLifetime * 1000,
  cooldownDuration: Number(process.env.JWKS_COOLDOWN ?? 30) * 1000,
});

async function jwksUri() {
  const discovery = await fetch(`${issuer}/.well-known/openid-configuration`);
  return (await discovery.json()).jwks_uri;
}

for await (const line of createInterface({ input: process.stdin })) {
  const token = line.startsWith('{') ? JSON.parse(line).access_token : line;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      issuer,
      audience,
      typ: 'at+jwt',
    });
    console.log('accepted:', JSON.stringify(payload));
  } catch (error) {
    console.log('refused:', error.message);
  }
}
