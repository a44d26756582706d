// Verifies an access token as a service does, knowing only the issuer and its own name.
//   node examples/verify.js ISSUER AUDIENCE < token.json
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, audience] = process.argv.slice(2);
if (!issuer || !audience) throw new Error('usage: verify.js ISSUER AUDIENCE, the token on standard input');

const discovery = await fetch(`${issuer}/.well-known/openid-configuration`);
const { jwks_uri } = await discovery.json();
const keys = createRemoteJWKSet(new URL(jwks_uri));

const input = (await text(process.stdin)).trim();
const token = input.startsWith('{') ? JSON.parse(input).access_token : input;
const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' });
console.log(JSON.stringify({ header: protectedHeader, claims: payload }, null, 2));
