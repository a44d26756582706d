// Two verifiers of the laboratory with the plainest caches that there are; neither asks again for a kid that it misses.
// `obedient` keeps the JWKS for the max-age of its Cache-Control, `for-ever` fetches it once. A token a line, an answer
// a line.
import { createInterface } from 'node:readline';
import { createLocalJWKSet, jwtVerify } from 'jose';

const [issuer, audience, way] = process.argv.slice(2);
let kept;

async function keys() {
  if (kept && (way === 'for-ever' || Date.now() < kept.until)) return kept.keys;
  const response = await fetch(process.env.JWKS_URI);
  const [, maxAge] = response.headers.get('cache-control').match(/max-age=(\d+)/);
  kept = { keys: createLocalJWKSet(await response.json()), until: Date.now() + Number(maxAge) * 1000 };
  return kept.keys;
}

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const options = { algorithms: ['RS256'], issuer, audience, typ: 'at+jwt' };
    const { payload } = await jwtVerify(token, await keys(), options);
    console.log('accepted:', JSON.stringify(payload));
  } catch (error) {
    console.log('refused:', error.message);
  }
}
