// Client authentication: RFC 6749 2.3 and 3.2.1, RFC 7523. The rules it keeps: a client authenticates in the one
// way it is registered for, and whoever fails learns nothing about the client.
import type { ClientRecord } from '../stores/stores.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { type ClientAssertion, isSignedBy, readClientAssertion } from './client-assertion.ts';
import { isClientSecret } from './client-secret.ts';
import { OAuthError, type Reason } from './errors.ts';
import type { BackchannelRequest } from './messages.ts';
import { type PresentedCredentials, presentedCredentials } from './presented-credentials.ts';

declare const authenticated: unique symbol;

/**
 * A client that has shown who it is; a public one has only said so (`token_endpoint_auth_method` none). Nothing
 * but authenticateClient makes one.
 */
export type AuthenticatedClient = ClientRecord & { readonly [authenticated]: true };

type Parts = Pick<
  AuthorizationServer,
  'issuer' | 'endpoints' | 'clients' | 'replays' | 'remoteJwks' | 'clock'
>;

/** What a client proves itself by. */
type Proof = Exclude<PresentedCredentials, { method: 'private_key_jwt' }> | AssertionProof;
/** What is asked of a client beside its proof. */
export interface Standing {
  /** it is registered as `first_party` */
  readonly firstParty?: true;
}
type AssertionProof = { readonly method: 'private_key_jwt' } & ClientAssertion;

/** Throws OAuthError where the client cannot be authenticated. */
export async function authenticateClient(
  as: Parts,
  request: BackchannelRequest,
  standing: Standing = {},
): Promise<AuthenticatedClient> {
  const now = as.clock.now();
  const presented = presentedCredentials(request);
  const proof: Proof =
    presented.method === 'private_key_jwt'
      ? {
          method: presented.method,
          ...readClientAssertion({ ...as, now }, presented.assertion, presented.clientId),
        }
      : presented;
  const client = await provenClient(as, proof, standing);
  if (proof.method === 'private_key_jwt') {
    const isFirst = await as.replays.useOnce(`client_assertion:${proof.clientId}`, proof.jti, proof.exp, now);
    if (!isFirst) {
      throw new OAuthError('client_assertion_replayed', { clientId: proof.clientId });
    }
  }
  return client as AuthenticatedClient;
}

/** What is remembered of a client may be a second old, so nobody is refused before it was read again. */
async function provenClient(as: Parts, proof: Proof, standing: Standing): Promise<ClientRecord> {
  const known = await as.clients.find(proof.clientId);
  let client = await prove(as, known, proof, standing);
  if (client instanceof OAuthError && known !== undefined) {
    client = await prove(as, await as.clients.reload(proof.clientId), proof, standing);
  }
  if (client instanceof OAuthError) throw client;
  return client;
}

/** The client, or why the proof does not show that it is this one. */
async function prove(
  as: Parts,
  client: ClientRecord | undefined,
  proof: Proof,
  { firstParty }: Standing,
): Promise<ClientRecord | OAuthError> {
  const refuse = (reason: Reason, options?: ErrorOptions) =>
    new OAuthError(reason, { ...options, clientId: proof.clientId });
  // Before anything else, so that it takes as long for a client that does not exist.
  const isRightSecret = 'secret' in proof && isClientSecret(proof.secret, client?.secrets ?? []);
  if (client === undefined) return refuse('client_unknown');
  if (client.metadata.token_endpoint_auth_method !== proof.method)
    return refuse('client_method_not_registered');
  if ('secret' in proof && !isRightSecret) return refuse('client_secret_wrong');
  if (proof.method === 'private_key_jwt') {
    try {
      if (!(await isSignedBy(as, client.metadata, proof))) return refuse('client_assertion_signature');
    } catch (cause) {
      return refuse('client_keys_unavailable', { cause });
    }
  }
  if (firstParty && !client.metadata.first_party) return refuse('client_not_first_party');
  return client.disabledAt === null ? client : refuse('client_disabled');
}
