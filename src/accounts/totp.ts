// Codes that an app makes of a secret and the time: RFC 6238, RFC 4226. SHA-1, six digits and 30 seconds are what every
// app knows. The rule it keeps: a code is good for its own time step, one before and one after it (RFC 6238 5.2).
import { Secret, TOTP } from 'otpauth';

/** Bytes: the length of the hash (RFC 4226 4). */
export const TOTP_SECRET_LENGTH = 20;

const parameters = { algorithm: 'SHA1', digits: 6, period: 30 } as const;

const secretOf = (secret: Buffer): Secret => new Secret({ buffer: new Uint8Array(secret).buffer });

/** The secret as people type it. */
export const totpSecretText = (secret: Buffer): string => secretOf(secret).base32;

/** What an app reads from a QR code. */
export const totpUri = (secret: Buffer, { issuer, email }: { issuer: string; email: string }): string =>
  new TOTP({ ...parameters, secret: secretOf(secret), issuer, label: email }).toString();

/** The time step that the code is of; undefined where it is of none that counts at `now` (epoch seconds). */
export function totpStep(secret: Buffer, code: string, now: number): number | undefined {
  const timestamp = now * 1000;
  const delta = TOTP.validate({
    ...parameters,
    token: code,
    secret: secretOf(secret),
    timestamp,
    window: 1,
  });
  return delta === null ? undefined : TOTP.counter({ period: parameters.period, timestamp }) + delta;
}
