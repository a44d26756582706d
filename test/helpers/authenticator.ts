// An authenticator in software (WebAuthn Level 3, 6): what a phone does with a page's challenge, for tests that need no
// browser, and that need one which does wrong.
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

/** What a page asks for, as it stands in `data-passkey`. */
interface Asked {
  readonly challenge: string;
  readonly rpId?: string;
  readonly rp?: { readonly id: string };
  readonly user?: { readonly id: string };
}

interface Wrong {
  readonly origin?: string;
  /** false: nobody has shown who they are to it */
  readonly isVerified?: boolean;
  readonly handle?: string;
}

const UP = 0x01;
const UV = 0x04;
const ATTESTED = 0x40;

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();
const url = (data: Buffer | string): string => Buffer.from(data).toString('base64url');

/** CBOR, of as much as is needed: byte strings of at most 65,535 bytes, small integers. */
const bytes = (data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(data.length < 256 ? [0x58, data.length] : [0x59, data.length >> 8, data.length & 255]),
    data,
  ]);
const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)]);

/** One with one passkey, at the origin of the issuer. */
export function authenticator(origin: string) {
  const id = randomBytes(16);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  let [counter, handle] = [0, ''];

  function dataOf(
    { rpId, rp }: Asked,
    flags: number,
    { isVerified = true }: Wrong,
    attested = Buffer.alloc(0),
  ) {
    counter += 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    const flag = Buffer.from([UP | (isVerified ? UV : 0) | flags]);
    return Buffer.concat([sha256(rpId ?? rp?.id ?? ''), flag, count, attested]);
  }
  const clientData = (type: string, { challenge }: Asked, { origin: other = origin }: Wrong): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin: other, crossOrigin: false }));
  const answer = (response: Record<string, string | string[]>): string =>
    JSON.stringify({ id: url(id), rawId: url(id), type: 'public-key', clientExtensionResults: {}, response });

  return {
    id: url(id),
    /** `navigator.credentials.create` */
    create(asked: Asked, wrong: Wrong = {}): string {
      handle = asked.user?.id ?? '';
      const key = Buffer.concat([
        Buffer.from('a5010203262001215820', 'hex'),
        Buffer.from(x, 'base64url'),
        Buffer.from('225820', 'hex'),
        Buffer.from(y, 'base64url'),
      ]);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, key]);
      const authData = dataOf(asked, ATTESTED, wrong, attested);
      const attestation = [
        Buffer.from([0xa3]),
        text('fmt'),
        text('none'),
        text('attStmt'),
        Buffer.from([0xa0]),
      ];
      return answer({
        clientDataJSON: url(clientData('webauthn.create', asked, wrong)),
        attestationObject: url(Buffer.concat([...attestation, text('authData'), bytes(authData)])),
        transports: ['internal'],
      });
    },
    /** `navigator.credentials.get` */
    use(asked: Asked, wrong: Wrong = {}): string {
      const authData = dataOf(asked, 0, wrong);
      const data = clientData('webauthn.get', asked, wrong);
      const signature = createSign('sha256').update(authData).update(sha256(data)).sign(privateKey);
      return answer({
        clientDataJSON: url(data),
        authenticatorData: url(authData),
        signature: url(signature),
        userHandle: wrong.handle ?? handle,
      });
    },
  };
}
