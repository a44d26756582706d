// Clients as an operator cares for them: RFC 7591 3.2 for the answer, RFC 7592 for the verbs, without their HTTP.
// The rules they keep: a secret is shown once and kept as a hash, at most two live, and every change leaves its
// audit entry.
import { assertChanged } from '../change.ts';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../operator-error.ts';
import type { Random } from '../random.ts';
import type { AuditEntry, ClientRecord, ClientSecret, Stores } from '../stores/stores.ts';
import { type ClientMetadata, parseClientMetadata } from './client.ts';
import { hashClientSecret } from './client-secret.ts';
import { lifetimeProblems } from './lifetimes.ts';
import { assertJsonObject, patched } from './patch.ts';
import { RegistrationError } from './registration.ts';
import { assertSector, concernsSector, type FetchDocument } from './sector.ts';

/** `actor` stands in the audit log. */
export interface ClientManagement {
  readonly stores: Pick<Stores, 'clients'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetchDocument: FetchDocument;
  readonly actor: string;
}

/** With `dryRun` everything is checked, nothing changes, and no secret is made. */
interface Options {
  readonly dryRun?: boolean | undefined;
}

/** RFC 7591 3.2.1, with our own members. */
export type ClientInformation = ClientMetadata & {
  readonly client_id: string;
  readonly client_id_issued_at: number;
  /** this once */
  readonly client_secret?: string;
  /** 0: never */
  readonly client_secret_expires_at?: 0;
};

/** A secret that an operator chooses must not be one that can be guessed. */
const secretLengthMinimum = 32;
/** RFC 6749 A.1 and A.2, without blanks, which get lost in copying. */
const visible = /^[\x21-\x7e]{1,255}$/;

/**
 * Registers a client; `client_id` and `client_secret` are kept where the document has them. Throws
 * RegistrationError, or OperatorError with exit 4: the client_id is taken, the client_secret too short.
 */
export async function registerClient(
  management: ClientManagement,
  document: unknown,
  options: Options = {},
): Promise<ClientInformation> {
  assertJsonObject(document);
  const { client_id, client_secret, ...members } = document;
  const metadata = parse(members);
  await assertSector(management.fetchDocument, metadata);
  const clientId = givenId(client_id) ?? management.random.id();
  const given = givenSecret(client_secret, metadata);
  const secret = options.dryRun || !hasSecret(metadata) ? undefined : (given ?? newSecret(management));
  const now = management.clock.now();
  const client: ClientRecord = {
    clientId,
    metadata,
    secrets: secret === undefined ? [] : [secretRecord(management, secret)],
    createdAt: now,
    updatedAt: now,
    disabledAt: null,
    tokensValidAfter: null,
  };
  const isTaken = options.dryRun
    ? (await management.stores.clients.find(clientId)) !== undefined
    : (await management.stores.clients.create(client, entry(management, 'created', clientId))) === 'exists';
  if (isTaken)
    throw new OperatorError(`there is a client ${clientId} already: see \`mintmark clients show\``, 4);
  return {
    ...information(client),
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
  };
}

/**
 * Changes the members that `patch` has: each takes the place of the old one whole, null takes it away. Throws
 * RegistrationError or OperatorError.
 */
export async function updateClient(
  management: ClientManagement,
  clientId: string,
  patch: unknown,
  options: Options = {},
): Promise<ClientInformation> {
  const client = await findClient(management, clientId);
  assertJsonObject(patch);
  const { client_id = clientId, client_secret, ...members } = patch;
  if (client_id !== clientId) throw new OperatorError('a client_id is for ever: create another client', 4);
  if (client_secret !== undefined)
    throw new OperatorError('a secret is made by `mintmark clients secret ID`', 4);
  const metadata = parse(patched(client.metadata, members));
  if (concernsSector(members)) await assertSector(management.fetchDocument, metadata);
  if (!options.dryRun) {
    const audit = entry(management, 'updated', clientId, { members: Object.keys(members) });
    const change = await management.stores.clients.replaceMetadata(clientId, metadata, audit);
    assertChanged(change, {
      unknown: unknown(clientId),
      unchanged: `${clientId} is registered like this already`,
    });
  }
  return information({ ...client, metadata });
}

/** A second live secret, so that a client can change over; with `replace` the only one, at once. */
export async function addClientSecret(
  management: ClientManagement,
  clientId: string,
  options: Options & { readonly replace?: boolean | undefined } = {},
): Promise<ClientInformation> {
  const client = await findClient(management, clientId);
  if (!hasSecret(client.metadata)) {
    const method = client.metadata.token_endpoint_auth_method;
    throw new OperatorError(`${clientId} has no secrets: it authenticates by ${method}`, 4);
  }
  const { replace = false, dryRun } = options;
  if (client.secrets.length > 1 && !replace) throw new OperatorError(full(clientId), 4);
  if (dryRun) return information(client);
  const secret = newSecret(management);
  const audit = entry(management, replace ? 'secret_replaced' : 'secret_added', clientId);
  const record = secretRecord(management, secret);
  const outcome = await management.stores.clients.addSecret(clientId, record, replace, audit);
  if (outcome === 'full') throw new OperatorError(full(clientId), 4);
  if (outcome === 'unknown') throw new OperatorError(unknown(clientId));
  return { ...information(client), client_secret: secret, client_secret_expires_at: 0 };
}

/** Leaves the newest secret alone. Throws OperatorError, exit 3, where there is no other. */
export async function retireOldSecrets(
  management: ClientManagement,
  clientId: string,
  { dryRun }: Options = {},
): Promise<ClientInformation> {
  const client = await findClient(management, clientId);
  const words = { unknown: unknown(clientId), unchanged: `${clientId} has no older secret` };
  if (client.secrets.length < 2) assertChanged('unchanged', words);
  if (!dryRun) {
    const audit = entry(management, 'old_secrets_retired', clientId);
    assertChanged(await management.stores.clients.retireOldSecrets(clientId, audit), words);
  }
  return information(client);
}

/** Throws OperatorError, exit 3, where it is so already. */
export async function setClientDisabled(
  management: ClientManagement,
  clientId: string,
  disabled: boolean,
  options: Options = {},
): Promise<ClientInformation> {
  const client = await findClient(management, clientId);
  const word = disabled ? 'disabled' : 'enabled';
  const words = { unknown: unknown(clientId), unchanged: `${clientId} is ${word} already` };
  if ((client.disabledAt !== null) === disabled) assertChanged('unchanged', words);
  if (!options.dryRun) {
    const at = disabled ? management.clock.now() : null;
    assertChanged(
      await management.stores.clients.setDisabled(clientId, at, entry(management, word, clientId)),
      words,
    );
  }
  return information(client);
}

/** Throws OperatorError where there is no such client. */
export async function findClient(
  { stores }: Pick<ClientManagement, 'stores'>,
  clientId: string,
): Promise<ClientRecord> {
  const client = await stores.clients.find(clientId);
  if (client) return client;
  throw new OperatorError(unknown(clientId));
}

/** What programs are shown of a client: no hash of a secret. */
export const clientJson = (client: ClientRecord) => ({
  ...information(client),
  secrets: client.secrets.map(({ id, createdAt }) => ({ id, created_at: createdAt })),
  updated_at: client.updatedAt,
  disabled_at: client.disabledAt,
});

const information = ({ clientId, metadata, createdAt }: ClientRecord): ClientInformation => ({
  client_id: clientId,
  client_id_issued_at: Math.floor(createdAt),
  ...metadata,
});

const unknown = (clientId: string): string => `there is no client ${clientId}: see \`mintmark clients list\``;

const full = (clientId: string): string =>
  `${clientId} has two live secrets: once it uses the newer one, retire the older with --retire-old`;

function parse(members: Readonly<Record<string, unknown>>): ClientMetadata {
  const metadata = parseClientMetadata(members);
  const problems = lifetimeProblems(metadata);
  if (problems.length > 0) throw new RegistrationError(problems);
  return metadata;
}

const hasSecret = ({ token_endpoint_auth_method: method }: ClientMetadata): boolean =>
  method === 'client_secret_basic' || method === 'client_secret_post';

function givenId(clientId: unknown): string | undefined {
  if (clientId === undefined) return undefined;
  if (typeof clientId === 'string' && visible.test(clientId)) return clientId;
  const problem = 'must be 1 to 255 visible ASCII characters (RFC 6749 A.1)';
  throw new RegistrationError([{ member: 'client_id', problem }]);
}

function givenSecret(secret: unknown, metadata: ClientMetadata): string | undefined {
  if (secret === undefined) return undefined;
  const member = 'client_secret';
  if (!hasSecret(metadata)) {
    const problem = `means nothing with ${metadata.token_endpoint_auth_method}`;
    throw new RegistrationError([{ member, problem }]);
  }
  if (typeof secret !== 'string' || !visible.test(secret)) {
    throw new RegistrationError([{ member, problem: 'must be visible ASCII characters, at most 255' }]);
  }
  if (secret.length >= secretLengthMinimum) return secret;
  throw new OperatorError(
    `client_secret is shorter than ${secretLengthMinimum} characters: leave it out, and a random one is made`,
    4,
  );
}

const newSecret = ({ random }: ClientManagement): string => random.bytes(32).toString('base64url');

const secretRecord = ({ clock, random }: ClientManagement, secret: string): ClientSecret => ({
  id: random.id(),
  hash: hashClientSecret(secret),
  createdAt: clock.now(),
});

const entry = (
  { clock, actor }: ClientManagement,
  event: string,
  subject: string,
  details?: AuditEntry['details'],
): AuditEntry => ({ at: clock.now(), event: `client.${event}`, actor, subject, ...(details && { details }) });
