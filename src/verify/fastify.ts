// The verifier as a Fastify plugin, on @fastify/jwt: RFC 6750 2.1 and 3. It gives `request.jwtVerify()`, which sets
// `request.user` to the claims, and `app.requireToken`, a hook that answers for what is refused.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TokenRefusedError, VerifierUnavailableError } from './errors.ts';
import type { VerifierOptions } from './options.ts';
import { createVerifier } from './verifier.ts';

export interface FastifyVerifierOptions extends VerifierOptions {
  /** what goes before the token in Authorization, in any case; `Bearer` where absent */
  readonly prefixes?: readonly string[];
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers 401 with a challenge, or 503, unless the request has a good token. */
    requireToken: Hook;
  }
}

/** Registers @fastify/jwt with the keys of the issuer. Throws TypeError where an option cannot be meant. */
export async function fastifyVerifier(
  app: FastifyInstance,
  { prefixes = ['Bearer'], ...options }: FastifyVerifierOptions,
): Promise<void> {
  const verifier = createVerifier(options);
  const extractToken = (request: FastifyRequest) => tokenOf(request, prefixes);
  // Loaded here, so that whoever verifies without Fastify needs neither.
  const { default: fastifyJwt } = await import('@fastify/jwt');
  await app.register(fastifyJwt, {
    decode: { complete: true },
    secret: {
      public: async (request: FastifyRequest) => {
        const { header } = await verifier.verify(extractToken(request));
        return verifier.publicKey(String(header.kid));
      },
    },
    // Times were checked by the verifier's clock, and its leeway.
    verify: { extractToken, ignoreExpiration: true, ignoreNotBefore: true },
  } as unknown as Parameters<typeof fastifyJwt>[1]);
  app.decorate('requireToken', requireToken(prefixes));
}

// What it decorates is for the scope that registers it, as with fastify-plugin.
Object.assign(fastifyVerifier, { [Symbol.for('skip-override')]: true });

function tokenOf({ headers }: FastifyRequest, prefixes: readonly string[]): string {
  const [prefix = '', token, ...more] = (headers.authorization ?? '')
    .split(' ')
    .filter((word) => word !== '');
  const isKnown = prefixes.some((one) => one.toLowerCase() === prefix.toLowerCase());
  if (!isKnown || token === undefined || more.length > 0)
    throw new TokenRefusedError('malformed', 'there is no token in Authorization');
  return token;
}

/** RFC 6750 3.1: without a token there is nothing to say of one. */
function requireToken([scheme = 'Bearer']: readonly string[]): Hook {
  return async (request, reply) => {
    try {
      await request.jwtVerify();
    } catch (error) {
      if (error instanceof VerifierUnavailableError) {
        reply.header('retry-after', '1');
        throw error;
      }
      const refused =
        error instanceof TokenRefusedError ? error : new TokenRefusedError('malformed', 'it is no token');
      const said = ` error="invalid_token", error_description="${refused.reason}"`;
      reply.header('www-authenticate', `${scheme}${request.headers.authorization === undefined ? '' : said}`);
      throw refused;
    }
  };
}
