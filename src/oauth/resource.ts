// Resources: RFC 8707. The rule it keeps: an access token has exactly one audience, so that no resource server can
// use a token that it was shown at another one.
import { type Static, Type } from 'typebox';
import type { ResourceRecord } from '../stores/stores.ts';
import { reachableAcrs } from './acr.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { ClientMetadata } from './client.ts';
import { OAuthError } from './errors.ts';
import { RegistrationError, shapeCheck } from './registration.ts';
import { scopeTokenPattern, scopeTokens } from './scope.ts';
import { isResourceUri } from './uris.ts';

const ResourceDocument = Type.Object(
  {
    resource: Type.String({ minLength: 1, maxLength: 2048 }),
    scopes: Type.Optional(
      Type.Array(Type.String({ pattern: scopeTokenPattern, maxLength: 256 }), {
        maxItems: 1000,
        uniqueItems: true,
      }),
    ),
    access_token_lifetime: Type.Optional(Type.Integer({ minimum: 1 })),
    profile: Type.Optional(Type.Enum(['rfc9068', 'plain', 'simplejwt'])),
    signing_alg: Type.Optional(Type.Enum(['RS256', 'PS256', 'ES256', 'EdDSA'])),
    require_acr: Type.Optional(Type.Enum([...reachableAcrs])),
  },
  { additionalProperties: false },
);

/** What is registered of a resource, without the times of its record. */
export type ResourceMetadata = Omit<ResourceRecord, 'createdAt' | 'updatedAt'>;

const shapeProblems = shapeCheck(ResourceDocument);

/**
 * Checks the JSON that registers a resource and fills in the defaults. The upper bound of the lifetime, and
 * whether the algorithm has keys, are the configuration's and the caller's to check. Throws RegistrationError.
 */
export function parseResourceMetadata(document: unknown): ResourceMetadata {
  const misshapen = shapeProblems(document);
  if (misshapen.length > 0) throw new RegistrationError(misshapen);
  const { resource, scopes, access_token_lifetime, profile, signing_alg, require_acr } = document as Static<
    typeof ResourceDocument
  >;
  if (!isResourceUri(resource)) {
    throw new RegistrationError([
      { member: 'resource', problem: 'must be an absolute URI without a fragment' },
    ]);
  }
  return {
    resource,
    scopes: scopes ?? [],
    accessTokenLifetime: access_token_lifetime ?? null,
    profile: profile ?? 'rfc9068',
    signingAlg: signing_alg ?? 'RS256',
    requireAcr: require_acr ?? null,
  };
}

/**
 * Who a token is for: the requested resource, else the client's default, else the issuer itself (undefined).
 * Throws OAuthError.
 */
export async function selectResource(
  as: Pick<AuthorizationServer, 'resources'>,
  client: ClientMetadata,
  requested: readonly string[],
): Promise<ResourceRecord | undefined> {
  if (requested.length > 1) throw new OAuthError('several_resources');
  const uri = requested[0] ?? client.default_resource;
  return uri === undefined ? undefined : allowedResource(as, client, uri);
}

/** A resource that the client may ask tokens for. Throws OAuthError. */
export async function allowedResource(
  as: Pick<AuthorizationServer, 'resources'>,
  client: ClientMetadata,
  uri: string,
): Promise<ResourceRecord> {
  // What a client is registered with is well-formed.
  if (uri !== client.default_resource && !isResourceUri(uri)) throw new OAuthError('resource_malformed');
  const resource = await as.resources.find(uri);
  if (resource === undefined) throw new OAuthError('resource_unknown');
  if (!mayAskFor(client, resource)) throw new OAuthError('resource_not_allowed');
  return resource;
}

/**
 * Who a refreshed token is for: the requested one of the resources that were granted, else the first of them; none
 * were: the issuer itself (undefined). Throws OAuthError.
 */
export async function grantedResource(
  as: Pick<AuthorizationServer, 'resources'>,
  granted: readonly string[],
  requested: readonly string[],
): Promise<ResourceRecord | undefined> {
  if (requested.length > 1) throw new OAuthError('several_resources');
  const uri = requested[0] ?? granted[0];
  if (uri === undefined) return undefined;
  if (!granted.includes(uri))
    throw new OAuthError(isResourceUri(uri) ? 'resource_not_granted' : 'resource_malformed');
  const resource = await as.resources.find(uri);
  if (resource === undefined) throw new OAuthError('resource_unknown');
  return resource;
}

/** The resources that a client lists; where it lists none, its default one and those that share a scope with it. */
function mayAskFor(
  { resources, default_resource, scope }: ClientMetadata,
  resource: ResourceRecord,
): boolean {
  if (resources !== undefined) return resources.includes(resource.resource);
  if (resource.resource === default_resource) return true;
  return scopeTokens(scope).some((one) => resource.scopes.includes(one));
}
