// A verifier of the laboratory: jsonwebtoken, with the keys of jwks-rsa. A token a line, an answer a line.
import { createInterface } from 'node:readline';
import jwt from 'jsonwebtoken';
import jwksRsa from 'jwks-rsa';

const [issuer, audience] = process.argv.slice(2);
const client = jwksRsa({
  jwksUri: process.env.JWKS_URI,
  cache: true,
  cacheMaxAge: Number(process.env.JWKS_CACHE_LIFETIME) * 1000,
});

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { header } = jwt.decode(token, { complete: true });
    if (header.typ !== 'at+jwt') throw new Error('not an access token');
    const key = await client.getSigningKey(header.kid);
    const claims = jwt.verify(token, key.getPublicKey(), { algorithms: ['RS256'], issuer, audience });
    console.log('accepted:', JSON.stringify(claims));
  } catch (error) {
    console.log('refused:', error.message);
  }
}
