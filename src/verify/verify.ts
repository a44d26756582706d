// `mintmark/verify`: what a service needs to verify access tokens, and nothing of the server (docs/verify.md).
export { type RefusalReason, TokenRefusedError, VerifierUnavailableError } from './errors.ts';
export { type FastifyVerifierOptions, fastifyVerifier } from './fastify.ts';
export type { ClaimNames, RevocationOptions, VerifierOptions } from './options.ts';
export { createVerifier, type VerifiedToken, type Verifier } from './verifier.ts';
