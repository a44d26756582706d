// The refresh token grant, by when its stores are read: at different moments, neither reading alone may condemn; and not
// before there is time to sign.
import t from 'tap';
import { hmacSha256 } from '../../src/hmac.ts';
import { SigningUnavailableError } from '../../src/keys/signing-unavailable.ts';
import type { AuthorizationServer } from '../../src/oauth/authorization-server.ts';
import type { AuthenticatedClient } from '../../src/oauth/client-authentication.ts';
import { createFloorLedger } from '../../src/oauth/floor-ledger.ts';
import { refreshToken } from '../../src/oauth/grants/refresh-token.ts';
import { openFamily } from '../../src/oauth/refresh-families.ts';
import { firstState } from '../../src/oauth/refresh-family.ts';
import { encodeRefreshToken } from '../../src/oauth/refresh-token.ts';
import { mintAndCommit } from '../../src/oauth/token.ts';
import type { FamilyRecord } from '../../src/stores/stores.ts';
import { memoryFamilies, memoryFamilyStates } from './memory-families.ts';

const now = 1_800_000_000;
const issuer = 'https://id.example.com';
const macKey = { number: 1, mac: hmacSha256(Buffer.alloc(32, 1)) };
const account = {
  sub: 'somebody',
  email: 'a@example.com',
  name: null,
  claims: {},
  disabledAt: null,
  tokensValidAfter: null,
};
const client = { clientId: 'app', metadata: { refresh_retry_window: 60 } } as AuthenticatedClient;
const family: FamilyRecord = {
  id: Buffer.alloc(16, 7).toString('base64url'),
  clientId: 'app',
  sub: account.sub,
  session: 'session',
  scope: null,
  resources: [],
  claimsRequest: null,
  authTime: now,
  acr: '1',
  amr: ['pwd'],
  createdAt: now,
  expiresAt: now + 9_000,
  idleLifetime: 900,
  accountCutOff: null,
  clientCutOff: null,
  floor: { generation: 0, since: now, macKey: 1 },
  revokedAt: null,
  revocation: null,
};

const families = memoryFamilies(new Map([[account.sub, account]]));
const familyStates = memoryFamilyStates(() => now);
const floors = createFloorLedger(families);
const as = {
  issuer,
  claims: {},
  families,
  familyStates,
  floors,
  macKeys: () => ({ current: macKey, find: () => macKey }),
} as unknown as AuthorizationServer;

const tokenOf = (generation: number): string =>
  encodeRefreshToken(issuer, macKey, { familyId: family.id, generation, issuedAt: now });

const prove = (parts: AuthorizationServer, generation: number) =>
  refreshToken.prove(parts, client, {
    values: new Map([['refresh_token', tokenOf(generation)]]),
    resources: [],
  });

t.test('a tab is not signed out because two others were faster while it read', async (t) => {
  await openFamily(as, family, firstState(now, 1), {
    at: now,
    event: 'test',
    actor: 'test',
    subject: 'test',
  });
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let readings = 0;
  // The durable half of the first reading comes late: after two rotations, and their floor.
  const slow = {
    ...families,
    find: async (id: string) => {
      readings += 1;
      if (readings === 1) await held;
      return families.find(id);
    },
  };
  const tab = prove({ ...as, families: slow }, 0);
  for (const generation of [0, 1]) t.ok(await (await prove(as, generation)).commit());
  await floors.flush();
  go();
  t.match(await tab, { refresh: { outcome: 'retry', head: { generation: 2 } } });
});

t.test('nothing is read for a token that could not be signed in time', async (t) => {
  const keyring = { inTurn: () => Promise.reject(new SigningUnavailableError('too many wait')) };
  const parts = { ...as, keyring } as unknown as AuthorizationServer;
  const minted = mintAndCommit(parts, client, async () => t.fail('it was read') as never);
  await t.rejects(minted, SigningUnavailableError);
});
