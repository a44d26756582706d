// Second factors, set up and taken away: by their own person, or by an operator who helps. The rules it keeps: what is set
// up is shown to work first; whoever gets a first factor gets recovery codes; and every change is in the audit log.
import type { AccountSecrets } from '../keys/account-secrets.ts';
import { OperatorError } from '../operator-error.ts';
import type { AccountRecord, DocumentStore, FactorStore, Factors, PasskeyRecord } from '../stores/stores.ts';
import { type AccountManagement, findAccount } from './account.ts';
import { changeFactors, type FactorParts, hasSecondFactor } from './factors.ts';
import type { verifiedCreation } from './passkeys.ts';
import { newRecoveryCodes, recoveryCodeHash } from './recovery-codes.ts';
import { TOTP_SECRET_LENGTH, totpStep } from './totp.ts';

type Sub = Pick<AccountRecord, 'sub'>;

export interface TotpParts extends FactorParts {
  readonly documents: DocumentStore;
  readonly accountSecrets: AccountSecrets;
}

const KIND = 'totp-enrolment';
/** Seconds: as long as the sign-in before it counts as recent. */
const ENROLMENT_LIFETIME = 600;
/** As many as anybody has devices for. */
const PASSKEY_LIMIT = 20;

/** Makes a secret, which waits to be shown to work; `sid`: the session that it waits in. Throws StoreUnavailableError. */
export async function beginTotp(
  { documents, accountSecrets, clock, random }: TotpParts,
  { sub }: Sub,
  sid: string,
): Promise<void> {
  const next = await accountSecrets.wrap(sub, random.bytes(TOTP_SECRET_LENGTH));
  const expected = await documents.find(KIND, sid);
  const expiresAt = clock.now() + ENROLMENT_LIFETIME;
  await documents.compareAndSwap({ kind: KIND, id: sid, expected, next, expiresAt });
}

/** The secret that waits; undefined where there is none (any more). */
export async function waitingTotp(
  { documents, accountSecrets }: TotpParts,
  { sub }: Sub,
  sid: string,
): Promise<Buffer | undefined> {
  const jwe = await documents.find(KIND, sid);
  return jwe === undefined ? undefined : accountSecrets.unwrap(sub, jwe);
}

/** What came of it: the recovery codes to be shown, if this was the first factor. */
export type Enrolled = { readonly recoveryCodes: readonly string[] | undefined };

/** The app has made a code. 'over': nothing waits (any more), or there is one already. */
export async function confirmTotp(
  parts: TotpParts,
  { sub }: Sub,
  { sid, code }: { readonly sid: string; readonly code: string },
): Promise<Enrolled | 'wrong' | 'over'> {
  const jwe = await parts.documents.find(KIND, sid);
  if (jwe === undefined) return 'over';
  const secret = await parts.accountSecrets.unwrap(sub, jwe);
  const step = totpStep(secret, code.replace(/\s/g, ''), parts.clock.now());
  if (step === undefined) return 'wrong';
  // It may have waited while the key-encryption key was renewed, and no rewrap looks at what waits.
  const kept = await parts.accountSecrets.wrap(sub, secret);
  const enrolled = await enrol(parts, { sub }, 'totp_added', (factors, addedAt) =>
    factors.totp === null ? { ...factors, totp: { jwe: kept, lastStep: step, addedAt } } : undefined,
  );
  await parts.documents.compareAndSwap({ kind: KIND, id: sid, expected: jwe, next: undefined, expiresAt: 0 });
  return enrolled;
}

type Created = NonNullable<Awaited<ReturnType<typeof verifiedCreation>>>;

/** `handle`: what the authenticator was told. 'over': it is there already, or there are more than enough. */
export const addPasskey = (
  parts: FactorParts,
  { sub }: Sub,
  created: Created & Pick<PasskeyRecord, 'name'>,
  handle: string,
): Promise<Enrolled | 'over'> =>
  enrol(parts, { sub }, 'passkey_added', (factors, addedAt) => {
    const { passkeys } = factors;
    if (passkeys.some(({ id }) => id === created.id) || passkeys.length >= PASSKEY_LIMIT) return undefined;
    // One for all: another tab may have brought the first passkey with another one.
    if (passkeys.length > 0 && factors.handle !== handle) return undefined;
    return { ...factors, handle, passkeys: [...passkeys, { ...created, addedAt, lastUsedAt: null }] };
  });

function enrol(
  parts: FactorParts,
  { sub }: Sub,
  event: string,
  change: (factors: Factors, now: number) => Factors | undefined,
): Promise<Enrolled | 'over'> {
  const codes = newRecoveryCodes(parts.random);
  return changeFactors<Enrolled | 'over'>(parts, { sub, actor: `account:${sub}` }, (factors, now) => {
    const next = change(factors, now);
    if (next === undefined) return { answer: 'over' };
    if (hasSecondFactor(factors)) return { next, event, answer: { recoveryCodes: undefined } };
    return { next: withCodes(next, codes), event, answer: { recoveryCodes: codes } };
  });
}

const withCodes = (factors: Factors, codes: readonly string[]): Factors => ({
  ...factors,
  recoveryCodes: codes.flatMap((code) => recoveryCodeHash(code) ?? []),
});

/** New ones, in place of those that are left; undefined where there is no second factor. */
export function renewRecoveryCodes(parts: FactorParts, { sub }: Sub): Promise<readonly string[] | undefined> {
  const codes = newRecoveryCodes(parts.random);
  return changeFactors<readonly string[] | undefined>(parts, { sub, actor: `account:${sub}` }, (factors) =>
    hasSecondFactor(factors)
      ? { next: withCodes(factors, codes), event: 'recovery_codes_made', answer: codes }
      : { answer: undefined },
  );
}

/** False where there is none. */
export const removeTotp = (parts: FactorParts, { sub }: Sub): Promise<boolean> =>
  changeFactors<boolean>(parts, { sub, actor: `account:${sub}` }, (factors) =>
    factors.totp === null
      ? { answer: false }
      : { next: { ...factors, totp: null }, event: 'totp_removed', answer: true },
  );

/** False where there is none of this id. */
export const removePasskey = (parts: FactorParts, { sub }: Sub, id: string): Promise<boolean> =>
  changeFactors<boolean>(parts, { sub, actor: `account:${sub}` }, (factors) => {
    const removed = factors.passkeys.find((one) => one.id === id);
    if (removed === undefined) return { answer: false };
    const passkeys = factors.passkeys.filter((one) => one !== removed);
    const details = { name: removed.name };
    return { next: { ...factors, passkeys }, event: 'passkey_removed', details, answer: true };
  });

/** An operator helps whoever has lost all of them. Throws OperatorError, exit 3, where there is none. */
export async function removeSecondFactors(
  management: AccountManagement & { readonly stores: { readonly factors: FactorStore } },
  email: string,
  { dryRun }: { readonly dryRun?: boolean | undefined } = {},
): Promise<AccountRecord> {
  const account = await findAccount(management, email);
  const { sub } = account;
  const { factors } = management.stores;
  const nothing = new OperatorError(`nothing to do: ${email} has no second factor`, 3);
  if (dryRun) {
    if (hasSecondFactor(await factors.find(sub))) return account;
    throw nothing;
  }
  const { actor } = management;
  const isDone = await changeFactors<boolean>({ ...management, factors }, { sub, actor }, (found) => {
    if (!hasSecondFactor(found)) return { answer: false };
    const details = { totp: found.totp !== null, passkeys: found.passkeys.length };
    const next = { ...found, totp: null, recoveryCodes: [], passkeys: [] };
    return { next, event: 'second_factors_removed', details, answer: true };
  });
  if (!isDone) throw nothing;
  return account;
}

/** The kinds that there are, as programs are told. */
export const factorNames = (factors: Factors | undefined): string[] => [
  ...(factors?.totp ? ['totp'] : []),
  ...(factors && factors.passkeys.length > 0 ? ['passkey'] : []),
];
