// Resources as an operator cares for them (RFC 8707). The rule they keep: a resource is only ever registered for an
// algorithm that signs already, so that nobody is refused a token for the lead of a new key.
import { assertChanged } from '../change.ts';
import type { Clock } from '../clock.ts';
import { signerOf, standbyKeys, type Timetable } from '../keys/lifecycle.ts';
import { OperatorError } from '../operator-error.ts';
import type { AuditEntry, ResourceRecord, SigningAlg, Stores } from '../stores/stores.ts';
import { dateInWords } from '../words.ts';
import { lifetimeProblems } from './lifetimes.ts';
import { assertJsonObject, patched } from './patch.ts';
import { RegistrationError } from './registration.ts';
import { parseResourceMetadata, type ResourceMetadata } from './resource.ts';

/** `actor` stands in the audit log. */
export interface ResourceManagement {
  readonly stores: Pick<Stores, 'resources' | 'keys'>;
  readonly clock: Clock;
  readonly timetable: Timetable;
  readonly actor: string;
}

/** With `dryRun` everything is checked and nothing changes. */
interface Options {
  readonly dryRun?: boolean | undefined;
}

/**
 * Throws RegistrationError, or OperatorError with exit 4: the resource is registered already, or its algorithm does
 * not sign yet.
 */
export async function createResource(
  management: ResourceManagement,
  document: unknown,
  { dryRun }: Options = {},
): Promise<ResourceRecord> {
  const metadata = await parse(management, document);
  const now = management.clock.now();
  const record = { ...metadata, createdAt: now, updatedAt: now };
  const { resources } = management.stores;
  const isTaken = dryRun
    ? (await resources.find(record.resource)) !== undefined
    : (await resources.create(record, entry(management, 'created', record.resource))) === 'exists';
  if (isTaken)
    throw new OperatorError(`${record.resource} is registered already: see \`mintmark resources show\``, 4);
  return record;
}

/** Changes the members that `patch` has; null gives a member its default again. */
export async function updateResource(
  management: ResourceManagement,
  resource: string,
  patch: unknown,
  { dryRun }: Options = {},
): Promise<ResourceRecord> {
  const before = await findResource(management, resource);
  assertJsonObject(patch);
  const metadata = await parse(management, patched(resourceJson(before), patch));
  if (metadata.resource !== resource) {
    throw new OperatorError('the URI of a resource is for ever: create another resource', 4);
  }
  const record = { ...metadata, createdAt: before.createdAt, updatedAt: management.clock.now() };
  if (!dryRun) {
    const change = await management.stores.resources.replace(record, entry(management, 'updated', resource));
    assertChanged(change, {
      unknown: unknown(resource),
      unchanged: `${resource} is registered like this already`,
    });
  }
  return record;
}

export async function deleteResource(
  management: ResourceManagement,
  resource: string,
  { dryRun }: Options = {},
): Promise<ResourceRecord> {
  const record = await findResource(management, resource);
  if (!dryRun) {
    const change = await management.stores.resources.delete(resource, entry(management, 'deleted', resource));
    assertChanged(change, { unknown: unknown(resource), unchanged: `${resource} is deleted already` });
  }
  return record;
}

/** Throws OperatorError where there is no such resource. */
export async function findResource(
  { stores }: { readonly stores: Pick<Stores, 'resources'> },
  resource: string,
): Promise<ResourceRecord> {
  const record = await stores.resources.find(resource);
  if (record) return record;
  throw new OperatorError(unknown(resource));
}

/** As it is registered, in the names of the JSON that registers it. */
export const resourceJson = (record: ResourceMetadata) => ({
  resource: record.resource,
  scopes: record.scopes,
  access_token_lifetime: record.accessTokenLifetime,
  profile: record.profile,
  signing_alg: record.signingAlg,
  require_acr: record.requireAcr,
});

const unknown = (resource: string): string =>
  `there is no resource ${resource}: see \`mintmark resources list\``;

const entry = ({ clock, actor }: ResourceManagement, event: string, subject: string): AuditEntry => ({
  at: clock.now(),
  event: `resource.${event}`,
  actor,
  subject,
});

async function parse(management: ResourceManagement, document: unknown): Promise<ResourceMetadata> {
  const metadata = parseResourceMetadata(document);
  const problems = lifetimeProblems({ access_token_lifetime: metadata.accessTokenLifetime });
  if (problems.length > 0) throw new RegistrationError(problems);
  await assertSigning(management, metadata.signingAlg);
  return metadata;
}

async function assertSigning(
  { stores, clock, timetable }: ResourceManagement,
  alg: SigningAlg,
): Promise<void> {
  if (!timetable.algs.includes(alg)) {
    throw new OperatorError(
      `${alg} has no signing keys: add it to keys.signing_algs (now ${timetable.algs.join(', ')}) and start again`,
      4,
    );
  }
  const { keys, lastT } = await stores.keys.read();
  // Before the very first start there are no keys; all that are made then sign at once.
  if (keys.length === 0) return;
  const t = Math.max(clock.now(), lastT);
  if (signerOf(keys, alg, t, timetable)) return;
  const [next] = standbyKeys(keys, alg, t, timetable);
  const from = next ? `from ${dateInWords(Math.ceil(next.activateAt))} on` : 'when it does';
  throw new OperatorError(
    `${alg} does not sign yet, since verifiers may not know its key: register the resource ${from}`,
    4,
  );
}
