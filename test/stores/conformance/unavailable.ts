// A store that is away says so, by every verb, and soon.
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.ts';
import { firstState } from '../../../src/oauth/refresh-family.ts';
import { type Stores, StoreUnavailableError } from '../../../src/stores/stores.ts';
import { entry, T } from './setting.ts';

const client = {
  clientId: 'c',
  metadata: { token_endpoint_auth_method: 'none', grant_types: [], response_types: [] },
  secrets: [],
  createdAt: T,
  updatedAt: T,
  disabledAt: null,
  tokensValidAfter: null,
} as const;

const resource = {
  resource: 'https://api.example',
  scopes: [],
  accessTokenLifetime: null,
  profile: 'rfc9068',
  signingAlg: 'RS256',
  requireAcr: null,
  createdAt: T,
  updatedAt: T,
} as const;

const account = {
  sub: 's',
  email: 'e@example.com',
  name: null,
  passwordHash: null,
  claims: {},
  createdAt: T,
  updatedAt: T,
  disabledAt: null,
  tokensValidAfter: null,
};

const family = {
  id: Buffer.alloc(16).toString('base64url'),
  clientId: 'c',
  sub: 's',
  session: 'x',
  scope: null,
  resources: [],
  claimsRequest: null,
  authTime: T,
  acr: 'a',
  amr: [],
  createdAt: T,
  expiresAt: T,
  idleLifetime: 1,
  accountCutOff: null,
  clientCutOff: null,
  floor: { generation: 0, since: T, macKey: 1 },
  revokedAt: null,
  revocation: null,
};

const session = {
  sid: 'i',
  sub: 's',
  authTime: T,
  acr: 'a',
  amr: [],
  createdAt: T,
  lastSeenAt: T,
  expiresAt: T,
  accountCutOff: null,
  userAgent: '',
  address: '',
};

const secret = { id: 's', hash: 'h', createdAt: T };
const audit = entry('s');

/** Every verb of every port. A port that gets a new one does not compile without it here. */
const verbs: {
  [Port in keyof Stores]: { [Verb in keyof Stores[Port]]: (port: Stores[Port]) => Promise<unknown> };
} = {
  clients: {
    create: (port) =>
      port.create(
        { ...client, metadata: { ...client.metadata, grant_types: [], response_types: [] } },
        audit,
      ),
    find: (port) => port.find('c'),
    list: (port) => port.list(),
    replaceMetadata: (port) =>
      port.replaceMetadata('c', { ...client.metadata, grant_types: [], response_types: [] }, audit),
    addSecret: (port) => port.addSecret('c', secret, false, audit),
    retireOldSecrets: (port) => port.retireOldSecrets('c', audit),
    setDisabled: (port) => port.setDisabled('c', T, audit),
  },
  resources: {
    create: (port) => port.create(resource, audit),
    find: (port) => port.find('r'),
    list: (port) => port.list(),
    replace: (port) => port.replace(resource, audit),
    delete: (port) => port.delete('r', audit),
  },
  accounts: {
    create: (port) => port.create(account, audit),
    findByEmail: (port) => port.findByEmail('e'),
    findBySub: (port) => port.findBySub('s'),
    list: (port) => port.list(),
    setPassword: (port) => port.setPassword('s', 'h', T, audit),
    setDisabled: (port) => port.setDisabled('s', T, audit),
    cutOff: (port) => port.cutOff('s', T, audit),
    verifyEmail: (port) => port.verifyEmail('s', audit),
    replaceHash: (port) => port.replaceHash('s', 'h', 'i'),
    longestImportedHash: (port) => port.longestImportedHash(),
  },
  rootSecrets: {
    list: (port) => port.list(),
    add: (port) => port.add({ number: 1, fingerprint: 'f', since: T, until: T }, T, audit),
  },
  pairwiseSecret: {
    read: (port) => port.read(),
    create: (port) => port.create('j', audit),
    replace: (port) => port.replace('j', 'k', audit),
  },
  families: {
    open: (port) => port.open(family, audit),
    find: (port) => port.find(family.id),
    vitals: (port) => port.vitals(family.id),
    listOf: (port) => port.listOf('s', T),
    raiseFloors: (port) => port.raiseFloors([{ id: family.id, head: family.floor }]),
    revoke: (port) => port.revoke(family.id, T, 'replayed', audit),
    dueTombstones: (port) => port.dueTombstones(1),
    tombstonesSet: (port) => port.tombstonesSet([family.id]),
  },
  endings: {
    since: (port) => port.since(T, 1),
    countUsed: (port) => port.countUsed({ from: T, until: T, at: T }),
    endUsed: (port) => port.endUsed({ from: T, until: T, at: T, after: '', limit: 1 }, 'a', {}),
    countAccountsUsed: (port) => port.countAccountsUsed({ from: T, until: T, at: T }),
    cutOffUsed: (port) => port.cutOffUsed({ from: T, until: T, at: T, after: '', limit: 1 }, 'a', {}),
  },
  familyStates: {
    find: (port) => port.find(family.id),
    compareAndSwap: (port) =>
      port.compareAndSwap({
        id: family.id,
        expected: undefined,
        next: firstState(T, 1),
        deadline: T,
        expiresAt: T,
      }),
  },
  revokedTokens: {
    revoke: (port) => port.revoke('j', T),
    isRevoked: (port) => port.isRevoked('j'),
  },
  documents: {
    find: (port) => port.find('k', 'i'),
    compareAndSwap: (port) =>
      port.compareAndSwap({ kind: 'k', id: 'i', expected: undefined, next: 'x', expiresAt: T }),
  },
  sessions: {
    create: (port) => port.create('i', session, audit),
    find: (port) => port.find('i'),
    touch: (port) => port.touch('i', T),
    addClient: (port) => port.addClient('i', 'c'),
    end: (port) => port.end('i', audit),
    listOf: (port) => port.listOf('s', T),
  },
  logoutNotices: {
    take: (port) => port.take(T, T, 1),
    postpone: (port) => port.postpone({ sid: 'i', clientId: 'c' }, T),
    remove: (port) => port.remove({ sid: 'i', clientId: 'c' }),
  },
  letters: {
    add: (port) =>
      port.add({ id: 'i', kind: 'sign_up', email: 'e', language: 'en', interaction: null, createdAt: T }),
    take: (port) => port.take(T, T, 1),
    postpone: (port) => port.postpone({ id: 'i' }, T),
    remove: (port) => port.remove({ id: 'i' }),
  },
  consents: {
    find: (port) => port.find('s', 'c'),
    add: (port) =>
      port.add('s', { clientId: 'c', scopes: [], resources: [], claims: [], grantedAt: T }, audit),
    withdraw: (port) => port.withdraw('s', 'c', audit),
    listOf: (port) => port.listOf('s'),
  },
  factors: {
    find: (port) => port.find('s'),
    findByHandle: (port) => port.findByHandle('h'),
    list: (port) => port.list(),
    compareAndSwap: (port) =>
      port.compareAndSwap({ sub: 's', expected: undefined, next: undefined, audit: [audit] }),
  },
  attempts: {
    take: (port) => port.take('k', 1, 1),
    giveBack: (port) => port.giveBack('k'),
  },
  keys: {
    read: (port) => port.read(),
    apply: (port) => port.apply({ expectedRevision: 0, t: T, keys: [], audit: [] }),
    recordIssued: (port) =>
      port.recordIssued([{ kid: 'k', lastTokenExpiresAt: T, longestLifetime: 1, tokens: 1 }]),
  },
  leases: {
    acquire: (port) => port.acquire('l', 'h', T, T + 1),
    release: (port) => port.release('l', 'h'),
  },
  replays: { useOnce: (port) => port.useOnce('s', 'i', T + 1, T) },
  audit: {
    append: (port) => port.append(audit),
    list: (port) => port.list({ limit: 1 }),
  },
  health: {
    now: (port) => port.now(),
    pendingMigrations: (port) => port.pendingMigrations(),
  },
  sweeper: { sweep: (port) => port.sweep(T, 1) },
};

/** For stores that are away: every verb of the ports given throws StoreUnavailableError within `seconds`. */
export async function everyVerbIsUnavailable(
  t: Test,
  stores: Partial<Stores>,
  seconds: number,
): Promise<void> {
  for (const [name, port] of Object.entries(stores)) {
    for (const [verb, call] of Object.entries(verbs[name as keyof Stores])) {
      const since = systemClock.now();
      const outcome = await (call as (port: unknown) => Promise<unknown>)(port).catch(
        (error: unknown) => error,
      );
      t.ok(outcome instanceof StoreUnavailableError, `${name}.${verb}: ${outcome}`);
      t.ok(systemClock.now() - since < seconds, `${name}.${verb} answers in time`);
    }
  }
}
