// Passkeys: Web Authentication Level 3, 7.1 and 7.2, by @simplewebauthn/server. The rules they keep: every one verifies
// its person and can be found without a name, so that each may stand alone for both factors; what makes it is not asked
// (attestation none), and what comes from a browser proves nothing before it is verified here.
import { isIP } from 'node:net';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { Factors, PasskeyRecord } from '../stores/stores.ts';

/** We, as authenticators know us (WebAuthn 4). */
export interface RelyingParty {
  readonly id: string;
  readonly origin: string;
  /** for people */
  readonly name: string;
}

/** Undefined where the host is an address: a passkey is for a name (WebAuthn 5.1.2). */
export function relyingPartyOf(issuer: string, name: string): RelyingParty | undefined {
  const { hostname, origin } = new URL(issuer);
  return isIP(hostname.replace(/^\[|\]$/g, '')) ? undefined : { id: hostname, origin, name };
}

// It is large, and the start is quicker without it.
const webauthn = () => import('@simplewebauthn/server');

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64url'));

const descriptors = (passkeys: readonly PasskeyRecord[]) =>
  passkeys.map(({ id, transports }) => ({ id, transports: [...transports] }));

/** What a browser needs to make a passkey. */
export async function creationOptions(
  { id: rpID, name: rpName }: RelyingParty,
  { handle, passkeys }: Pick<Factors, 'handle' | 'passkeys'>,
  { email, name }: { readonly email: string; readonly name: string | null },
  challenge: Buffer,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { generateRegistrationOptions } = await webauthn();
  return generateRegistrationOptions({
    rpID,
    rpName,
    userID: bytes(handle),
    userName: email,
    userDisplayName: name ?? email,
    challenge: new Uint8Array(challenge),
    attestationType: 'none',
    excludeCredentials: descriptors(passkeys),
    authenticatorSelection: {
      residentKey: 'required',
      requireResidentKey: true,
      userVerification: 'required',
    },
  });
}

/** What a browser needs to use one of these; none: one that the person chooses. */
export async function requestOptions(
  { id: rpID }: RelyingParty,
  passkeys: readonly PasskeyRecord[],
  challenge: Buffer,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { generateAuthenticationOptions } = await webauthn();
  const allowCredentials = passkeys.length > 0 ? { allowCredentials: descriptors(passkeys) } : {};
  return generateAuthenticationOptions({
    rpID,
    challenge: new Uint8Array(challenge),
    userVerification: 'required',
    ...allowCredentials,
  });
}

type TakeChallenge = (challenge: string) => Promise<boolean>;

/** The passkey that a browser says was made; undefined where that is not so. */
export async function verifiedCreation(
  { id, origin }: RelyingParty,
  text: string,
  takeChallenge: TakeChallenge,
): Promise<
  Pick<PasskeyRecord, 'id' | 'publicKey' | 'counter' | 'transports' | 'isBackupEligible'> | undefined
> {
  const { verifyRegistrationResponse } = await webauthn();
  const challenge = challengeOf(text);
  if (challenge === undefined || !(await takeChallenge(challenge))) return undefined;
  const { registrationInfo } = await verifyRegistrationResponse({
    response: JSON.parse(text) as RegistrationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
  }).catch(() => ({ registrationInfo: undefined }));
  if (registrationInfo === undefined) return undefined;
  const { credential, credentialDeviceType } = registrationInfo;
  return {
    id: credential.id,
    publicKey: Buffer.from(credential.publicKey).toString('base64url'),
    counter: credential.counter,
    transports: (credential.transports ?? []).filter((one) => typeof one === 'string').slice(0, 10),
    isBackupEligible: credentialDeviceType === 'multiDevice',
  };
}

/** Whose passkey it says it is, and which one: nothing is proved by that. Undefined where it says nothing. */
export function claimedPasskey(text: string): { readonly id: string; readonly handle: string } | undefined {
  const { id, response } = parsed(text) ?? {};
  const { userHandle } = (response ?? {}) as { userHandle?: unknown };
  return typeof id === 'string' && typeof userHandle === 'string' ? { id, handle: userHandle } : undefined;
}

/** How many signatures it has made, where it has answered the challenge with its person's verification; or undefined. */
export async function verifiedUse(
  { id, origin }: RelyingParty,
  text: string,
  passkey: PasskeyRecord,
  takeChallenge: TakeChallenge,
): Promise<number | undefined> {
  const { verifyAuthenticationResponse } = await webauthn();
  const challenge = challengeOf(text);
  if (challenge === undefined || !(await takeChallenge(challenge))) return undefined;
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: JSON.parse(text) as AuthenticationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
    credential: { id: passkey.id, publicKey: bytes(passkey.publicKey), counter: passkey.counter },
  }).catch(() => ({ verified: false, authenticationInfo: undefined }));
  return verified ? authenticationInfo?.newCounter : undefined;
}

/** RFC 8176 2: a key that may leave its device is one in software; its person was there, and verified to it. */
export const passkeyAmr = ({
  isBackupEligible,
}: Pick<PasskeyRecord, 'isBackupEligible'>): readonly string[] => [
  isBackupEligible ? 'swk' : 'hwk',
  'pop',
  'user',
  'mfa',
];

function challengeOf(text: string): string | undefined {
  const { clientDataJSON } = (parsed(text)?.response ?? {}) as { clientDataJSON?: unknown };
  if (typeof clientDataJSON !== 'string') return undefined;
  const challenge = parsed(Buffer.from(clientDataJSON, 'base64url').toString('utf8'))?.challenge;
  return typeof challenge === 'string' ? challenge : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
