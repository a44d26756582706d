// The live keys, and every change of them: what is written, who may write it, and when a replica does not sign.
import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import t from 'tap';
import { careForKeys } from '../../src/keys/care.ts';
import type { KeyEncryptionKey } from '../../src/keys/key-encryption-keys.ts';
import { createKeyring, type Keyring, type KeyringParts } from '../../src/keys/keyring.ts';
import { settleTime, signingHorizon, stateOf, type Timetable } from '../../src/keys/lifecycle.ts';
import { settle } from '../../src/keys/plan.ts';
import {
  changeKeys,
  type KeyManagement,
  maintainKeys,
  revokeKey,
  rotateKeys,
} from '../../src/keys/rotate.ts';
import { createSigner } from '../../src/keys/signer.ts';
import { SigningUnavailableError } from '../../src/keys/signing-unavailable.ts';
import { OperatorError } from '../../src/operator-error.ts';
import {
  type KeyStore,
  type LeaseStore,
  type SigningAlg,
  StoreUnavailableError,
} from '../../src/stores/stores.ts';
import { memoryKeys } from './memory-keys.ts';

const T = 1_800_000_000;
const day = 86_400;
const timetable: Timetable = {
  algs: ['EdDSA'],
  automaticRotation: true,
  rotationPeriod: 30 * day,
  verifierCacheLifetime: day,
  jwksMaxAge: 300,
  reloadInterval: 10,
  longestTokenLifetime: 300,
};
const S = settleTime(timetable);
const kek = (kid: string): KeyEncryptionKey => ({ kid, secret: randomBytes(32) });

/** A store, and everything that lives on it; `now` is true time, and the store's. */
function place() {
  const at = { now: T, isAway: false };
  const store = memoryKeys();
  const first = kek('first');
  const keks = [first];
  const notes = new Map<string, number>();
  const reached = <T>(answer: T): T => {
    if (at.isAway) throw new StoreUnavailableError('away');
    return answer;
  };
  const keys: KeyStore = {
    read: async () => reached(store).read(),
    apply: async (change) => reached(store).apply(change),
    recordIssued: async (figures) => reached(store).recordIssued(figures),
  };
  const common = {
    keys,
    health: { now: async () => reached(at).now },
    clock: { now: () => at.now },
    timetable,
    keyEncryptionKeys: () => ({ current: keks[0] ?? first, all: keks }),
    revokedElsewhere: () => notes,
  };
  const factors = {
    list: async () => [],
    find: async () => undefined,
    compareAndSwap: async () => false,
  };
  const management: KeyManagement = { ...common, factors, rsaModulusLength: 2048, actor: 'operator:ada' };
  const ring = (parts: Partial<KeyringParts> = {}) =>
    createKeyring({ ...common, signer: createSigner(), ...parts });
  return { at, store, keks, notes, management, ring };
}

const claims = (at: number, lifetime = 300) => ({
  iss: 'https://id.example.com',
  iat: at,
  exp: at + lifetime,
});
const sign = (ring: Keyring, at: number, lifetime?: number, alg: SigningAlg = 'EdDSA') =>
  ring.sign({ alg, typ: 'at+jwt', claims: claims(at, lifetime) });
const headerOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString());
const kids = (ring: Keyring): string[] =>
  (JSON.parse(ring.jwks().body) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
const refusal = (work: Promise<unknown>): Promise<{ message: string; exitCode?: number }> =>
  work.then(
    () => ({ message: 'not refused' }),
    (error) => error,
  );

t.test('a change of the keys', async (t) => {
  await t.test('several replicas that start at once make one set', async (t) => {
    const { store, management } = place();
    const changes = await Promise.all([1, 2, 3, 4, 5].map(() => maintainKeys(management)));
    t.equal(changes.filter(Boolean).length, 1);
    t.match(store.now(), { revision: 1, keys: { length: 2 } });
    t.same(
      store.audit.map(({ event }) => event),
      ['key.created', 'key.created'],
    );
  });

  await t.test('maintenance that finds nothing due writes nothing', async (t) => {
    const { at, store, management } = place();
    await maintainKeys(management);
    at.now += 3600;
    t.equal(await maintainKeys(management), undefined);
    t.match(store.now(), { revision: 1, lastT: T });
  });

  await t.test('of two operators who rotate at once one does, and the other is told', async (t) => {
    const { at, store, management } = place();
    await maintainKeys(management);
    at.now += 3 * day;
    const rotated = await Promise.allSettled(
      [1, 2].map(() => rotateKeys(management, 'EdDSA', { reason: 'drill' })),
    );
    const lost = rotated.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    t.match(lost.reason, { exitCode: 3, message: /was rotated at .* already/ });
    t.equal(store.now().keys.length, 3);
    t.equal(store.audit.filter(({ event }) => event === 'keys.rotated').length, 1);
  });

  await t.test('a dry run makes no key and writes nothing', async (t) => {
    const { store, management } = place();
    const { before, after } = await changeKeys(management, (keys, t) => settle(keys, t, timetable), {
      dryRun: true,
    });
    t.same([before.length, after.length, after[0]?.kid], [0, 2, 'draft:EdDSA:0']);
    t.equal(store.now().revision, 0);
  });

  await t.test('one that loses every race says so', async (t) => {
    const { management, store } = place();
    const keys = { ...management.keys, apply: async () => 'stale' as const };
    t.match(await refusal(maintainKeys({ ...management, keys })), {
      message: /^others changed the keys/,
      exitCode: 1,
    });
    t.equal(store.now().revision, 0);
  });

  await t.test('one whose reply was lost is there, and is not made twice', async (t) => {
    const { management, store } = place();
    store.loseNextReply();
    await t.rejects(maintainKeys(management), StoreUnavailableError);
    t.equal(await maintainKeys(management), undefined);
    t.equal(store.now().keys.length, 2);
  });

  await t.test(
    'keys are published from the instant that they are there, however long their making takes',
    async (t) => {
      const { management, store, at } = place();
      const keys: KeyStore = {
        ...management.keys,
        read: () => {
          at.now += 60;
          return management.keys.read();
        },
      };
      await maintainKeys({ ...management, keys });
      t.equal(at.now, T + 120, 'read, make, read again, apply');
      t.same(
        store.now().keys.map(({ publishAt }) => publishAt),
        [T + 120, T + 120],
      );
    },
  );

  await t.test('a machine whose clock is wrong changes nothing', async (t) => {
    const { at, management, store } = place();
    const clock = (ahead: number) => ({ ...management, clock: { now: () => at.now + ahead } });
    for (const [ahead, words] of [
      [5.1, '5.1 s ahead of'],
      [-5.1, '5.1 s behind'],
      [day, '86400.0 s ahead of'],
    ] as const) {
      const refused = await refusal(maintainKeys(clock(ahead)));
      t.match(refused, {
        exitCode: 4,
        message: `this machine's clock is ${words} the store's: nothing was changed`,
      });
    }
    t.equal(store.now().revision, 0);
    await maintainKeys(clock(5));
    t.match(store.now(), { revision: 1, lastT: T + 5 });
  });

  await t.test('t is never behind the last change', async (t) => {
    const { at, management } = place();
    await maintainKeys(management);
    at.now -= 5;
    const { t: instant } = await revokeKey(
      management,
      (await management.keys.read()).keys[0]?.kid as string,
      {
        reason: 'drill',
      },
    );
    t.equal(instant, T);
  });

  await t.test('every event is in the audit log, by whom, of which key, and why', async (t) => {
    const { at, management, store } = place();
    await maintainKeys(management);
    const [one, two] = [...store.now().keys]
      .sort((a, b) => a.activateAt - b.activateAt)
      .map(({ kid }) => kid);
    at.now += 3 * day;
    await rotateKeys(management, 'EdDSA', { reason: 'drill' });
    at.now += S;
    await maintainKeys(management);
    at.now += day;
    await maintainKeys(management);
    await revokeKey(management, two as string, { reason: 'laptop stolen' });
    // The entries of one instant have no order.
    const told = store.audit.slice(2).sort((a, b) => a.at - b.at || (a.event < b.event ? -1 : 1));
    t.match(
      told.map(({ event, subject, details }) => [event, subject, details?.reason]),
      [
        ['key.activated', two, 'drill'],
        ['key.created', String, 'drill'],
        ['key.planned', one, 'drill'],
        ['keys.rotated', 'keys', 'drill'],
        ['key.retired', one, undefined],
        ['key.activated', String, 'laptop stolen'],
        ['key.created', String, 'laptop stolen'],
        ['key.removed', one, undefined],
        ['key.revoked', two, 'laptop stolen'],
      ],
    );
    t.ok(store.audit.every(({ actor }) => actor === 'operator:ada'));
    const envelopes = store
      .now()
      .keys.map(({ kid, privateJwe }) => [kid === one || kid === two, privateJwe === null]);
    t.ok(
      envelopes.every(([isOut, isGone]) => isOut === isGone),
      'and what is out has lost its private half',
    );
  });

  await t.test('a revocation that a restored store forgot is written into it again', async (t) => {
    const { management, store, notes } = place();
    await maintainKeys(management);
    const backup = store.now();
    const kid = backup.keys.find(({ activateAt }) => activateAt === T)?.kid as string;
    notes.set(kid, (await revokeKey(management, kid, { reason: 'drill' })).t);
    store.restore(backup);
    t.ok(await maintainKeys(management));
    const states = store
      .now()
      .keys.map((key) => stateOf(key, T, timetable))
      .sort();
    t.same(states, ['active', 'revoked', 'standby']);
    t.equal(store.now().keys.find((key) => key.kid === kid)?.revokedAt, T);
  });

  await t.test('it is written by the replica that remembers it, whoever holds the lease', async (t) => {
    const { management, store, ring: newRing } = place();
    await maintainKeys(management);
    const backup = store.now();
    const kid = backup.keys.find(({ activateAt }) => activateAt === T)?.kid as string;
    await revokeKey(management, kid, { reason: 'drill' });
    const keyring = newRing();
    await keyring.reload();
    store.restore(backup);
    const held: LeaseStore = { acquire: async () => false, release: async () => undefined };
    const care = {
      keyring,
      leases: held,
      holder: 'b',
      management: { ...management, revokedElsewhere: () => keyring.revocations() },
    };
    t.equal(await careForKeys(care), undefined, 'the first round finds out');
    t.match(keyring.faults(), [/there is no .+ key/], 'and says that nothing can be signed');
    t.ok(await careForKeys(care));
    t.same(keyring.faults(), []);
    t.equal(store.now().keys.find((key) => key.kid === kid)?.revokedAt, T);
  });

  await t.test('a replica that cannot maintain lets another do it', async (t) => {
    const { at, management, ring } = place();
    const held = new Set<string>();
    const leases: LeaseStore = {
      acquire: async (_name, holder) => held.size === 0 && Boolean(held.add(holder)),
      release: async (_name, holder) => void held.delete(holder),
    };
    const wrong = { ...management, clock: { now: () => at.now + 60 } };
    const care = { keyring: ring(), leases };
    t.match(await refusal(careForKeys({ ...care, management: wrong, holder: 'a' })), { exitCode: 4 });
    t.ok(await careForKeys({ ...care, management, holder: 'b' }));
  });
});

t.test('a ring', async (t) => {
  await t.test('signs what its own JWKS verifies', async (t) => {
    const { management, ring: newRing } = place();
    await maintainKeys(management);
    const ring = newRing();
    await ring.reload();
    const jws = await sign(ring, T);
    const { protectedHeader } = await jwtVerify(jws, createLocalJWKSet(JSON.parse(ring.jwks().body)), {
      currentDate: new Date(T * 1000),
    });
    t.same(protectedHeader, { alg: 'EdDSA', typ: 'at+jwt', kid: protectedHeader.kid });
    t.same(ring.faults(), []);
  });

  await t.test('publishes the same as another, in the order of the kids, and makes it once', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    const [one, other] = [newRing(), newRing()];
    await Promise.all([one.reload(), other.reload()]);
    t.same(one.jwks(), other.jwks());
    t.same(kids(one), kids(one).sort());
    t.match(one.jwks().etag, /^"[\w-]{27}"$/);
    const before = one.jwks();
    at.now += 5;
    t.equal(one.jwks(), before);
    await revokeKey(management, kids(one)[0] as string, { reason: 'drill' });
    await one.reload();
    t.not(one.jwks().etag, before.etag);
  });

  await t.test('that was never filled does not sign', async (t) => {
    const { ring } = place();
    await t.rejects(sign(ring(), T), SigningUnavailableError);
    t.match(ring().faults(), ['the keys have not been read from the store yet']);
  });

  await t.test('has no key for an algorithm that is not configured', async (t) => {
    const { management, ring: newRing } = place();
    await maintainKeys(management);
    const ring = newRing();
    await ring.reload();
    await t.rejects(sign(ring, T, 300, 'RS256'), /no RS256 key may sign now/);
  });

  await t.test('says which algorithm lacks a key, unless it waits for its lead', async (t) => {
    const { management, ring: newRing } = place();
    await maintainKeys(management);
    const joined: Timetable = { ...timetable, algs: ['EdDSA', 'ES256'] };
    const ring = newRing({ timetable: joined });
    await ring.reload();
    t.same(ring.faults(), ['there is no ES256 key']);
    await maintainKeys({ ...management, timetable: joined });
    await ring.reload();
    t.same(ring.faults(), []);
    await t.rejects(sign(ring, T, 300, 'ES256'), SigningUnavailableError);
  });
});

t.test('a ring whose clock is wrong', async (t) => {
  const rows: [string, number, boolean][] = [
    ['right', 0, true],
    ['ahead, but within the limit', 5, true],
    ['behind, but within the limit', -5, true],
    ['ahead', 5.1, false],
    ['behind', -5.1, false],
  ];
  for (const [name, ahead, isFit] of rows) {
    await t.test(`${name}: it ${isFit ? 'signs' : 'does not sign'}`, async (t) => {
      const { at, management, ring: newRing } = place();
      await maintainKeys(management);
      const ring = newRing({ clock: { now: () => at.now + ahead } });
      await ring.reload();
      t.equal(ring.faults().length === 0, isFit);
      t.equal((await refusal(sign(ring, T))) instanceof SigningUnavailableError, !isFit);
      t.equal(kids(ring).length, 2, 'and publishes');
    });
  }

  await t.test('is held to a shorter limit where everything is shorter', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    const fast = { ...timetable, reloadInterval: 1 };
    const ring = newRing({ timetable: fast, clock: { now: () => at.now + 0.6 } });
    await ring.reload();
    t.match(ring.faults(), ["this machine's clock is 0.6 s ahead of the store's"]);
    const wrong = { ...management, timetable: fast, clock: { now: () => at.now + 0.6 } };
    t.match(await refusal(maintainKeys(wrong)), { exitCode: 4 });
  });

  await t.test('is not taken for wrong because the store is slow', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    const health = {
      now: async () => {
        at.now += 14;
        return at.now - 13;
      },
    };
    const ring = newRing({ health });
    await ring.reload();
    t.same(ring.faults(), []);
  });

  await t.test('does not sign by a t that ran ahead, until the time has come', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    let ahead = 0;
    const ring = newRing({ clock: { now: () => at.now + ahead } });
    await ring.reload();
    ahead = 3600;
    ring.jwks();
    ahead = 0;
    await ring.reload();
    t.match(ring.faults(), ["this machine's clock was 3600.0 s ahead for a while: start this replica anew"]);
    await t.rejects(sign(ring, T), SigningUnavailableError);
    at.now += 3600;
    await ring.reload();
    t.same(ring.faults(), []);
  });

  await t.test('never goes back', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    let ahead = 4;
    const ring = newRing({ clock: { now: () => at.now + ahead } });
    await ring.reload();
    ahead = -4;
    t.equal(ring.snapshot().t, T + 4);
    at.now += 9;
    t.equal(ring.snapshot().t, T + 5);
  });
});

t.test('a ring that is cut off', async (t) => {
  const horizon = signingHorizon(timetable);

  await t.test('signs up to the horizon, says so after S, and publishes for ever', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    const ring = newRing();
    await ring.reload();
    at.isAway = true;
    await t.rejects(ring.reload(), StoreUnavailableError);
    at.now = T + S;
    t.same(ring.faults(), []);
    at.now = T + S + 1;
    t.same(ring.faults(), ['the keys were read from the store 31 s ago']);
    at.now = T + horizon;
    t.ok(await sign(ring, at.now));
    at.now += 1 / 1024;
    await t.rejects(sign(ring, at.now), /read from the store \d+ s ago: too long to sign/);
    at.now += 20 * day;
    t.equal(kids(ring).length, 2);
    at.isAway = false;
    await ring.reload();
    t.same(ring.faults(), []);
  });

  await t.test('is as old as its question, not as the answer', async (t) => {
    const { at, management, ring: newRing } = place();
    await maintainKeys(management);
    const health = {
      now: async () => {
        at.now += horizon + 1;
        return at.now;
      },
    };
    const ring = newRing({ health });
    await ring.reload();
    await t.rejects(sign(ring, at.now), /read from the store \d+ s ago: too long to sign/);
  });

  await t.test('does not bring an older picture back, when a slow answer comes last', async (t) => {
    const { management, ring: newRing } = place();
    await maintainKeys(management);
    const answers: (() => void)[] = [];
    const health = { now: () => new Promise<number>((resolve) => answers.push(() => resolve(T))) };
    const ring = newRing({ health });
    const answer = async () => {
      while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
      answers.shift()?.();
    };
    const slow = ring.reload();
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const kid = (await management.keys.read()).keys[0]?.kid as string;
    await revokeKey(management, kid, { reason: 'drill' });
    const fast = ring.reload();
    await answer();
    await slow;
    await answer();
    await fast;
    t.notOk(kids(ring).includes(kid));
  });
});

t.test('revoked is for ever', async (t) => {
  await t.test('for a ring that has seen it, whatever a restored store says', async (t) => {
    const { management, store, ring: newRing } = place();
    const empty = store.now();
    await maintainKeys(management);
    const ring = newRing();
    await ring.reload();
    const backup = store.now();
    const { kid } = headerOf(await sign(ring, T));
    await revokeKey(management, kid, { reason: 'drill' });
    await ring.reload();
    t.same([...ring.revocations().keys()], [kid]);
    for (const restored of [backup, empty, backup]) {
      store.restore(restored);
      await ring.reload();
      t.notOk(kids(ring).includes(kid));
    }
    await maintainKeys({ ...management, revokedElsewhere: () => ring.revocations() });
    t.equal(store.now().keys.find((key) => key.kid === kid)?.revokedAt, T);
  });

  await t.test('for one that starts after the restore, by what is noted in the keys folder', async (t) => {
    const { management, notes, ring: newRing } = place();
    await maintainKeys(management);
    const kid = (await management.keys.read()).keys[0]?.kid as string;
    notes.set(kid, T);
    const ring = newRing();
    await ring.reload();
    t.notOk(kids(ring).includes(kid));
  });
});

t.test('private keys', async (t) => {
  await t.test(
    'that do not unwrap are a fault from the start, until the key-encryption key is back',
    async (t) => {
      const { management, keks, ring: newRing } = place();
      await maintainKeys(management);
      const [lost] = keks.splice(0, 1, kek('second'));
      const ring = newRing();
      await ring.reload();
      t.match(ring.faults(), [/^the key-encryption key first that wraps the signing keys is missing/]);
      await t.rejects(sign(ring, T), /no EdDSA key may sign now/);
      t.equal(kids(ring).length, 2);
      keks.push(lost as KeyEncryptionKey);
      await ring.reload();
      t.same(ring.faults(), []);
      t.ok(await sign(ring, T));
    },
  );

  await t.test('that belong to another kid do not sign', async (t) => {
    const { management, store, ring: newRing } = place();
    await maintainKeys(management);
    const set = store.now();
    const [one, two] = set.keys;
    store.restore({
      ...set,
      keys: set.keys.map((key) => ({ ...key, privateJwe: (key === one ? two : one)?.privateJwe ?? null })),
    });
    const ring = newRing();
    await ring.reload();
    t.equal(ring.faults().length, 2);
    t.match(ring.faults()[0], /^the store holds another private key under/);
    await t.rejects(sign(ring, T), SigningUnavailableError);
  });
});

t.test('what was signed', async (t) => {
  await t.test('is known to the ring at once, and to the store after a flush', async (t) => {
    const { management, store, ring: newRing } = place();
    await maintainKeys(management);
    const ring = newRing();
    await ring.reload();
    const { kid } = headerOf(await sign(ring, T));
    const figures = { lastTokenExpiresAt: T + 300, longestLifetime: 300 };
    t.match(
      ring.snapshot().keys.find((key) => key.kid === kid),
      figures,
    );
    t.match(
      store.now().keys.find((key) => key.kid === kid),
      { lastTokenExpiresAt: 0, tokensIssued: 0 },
    );
    await ring.flushIssued();
    t.match(
      store.now().keys.find((key) => key.kid === kid),
      { ...figures, tokensIssued: 1 },
    );
  });

  await t.test(
    'is counted: tokens alone, those of an outage too, and twice where a reply was lost',
    async (t) => {
      const { at, management, store, ring: newRing } = place();
      await maintainKeys(management);
      let losesReply = false;
      const keys: KeyStore = {
        ...management.keys,
        recordIssued: async (figures) => {
          await management.keys.recordIssued(figures);
          if (losesReply) throw new StoreUnavailableError('the answer got lost');
        },
      };
      const ring = newRing({ keys });
      await ring.reload();
      const counted = () => store.now().keys.reduce((sum, { tokensIssued }) => sum + tokensIssued, 0);
      await sign(ring, T);
      await sign(ring, T, day);
      await ring.sign({ alg: 'EdDSA', typ: 'feed', claims: { iat: T } });
      await ring.flushIssued();
      t.equal(counted(), 2);
      at.isAway = true;
      await sign(ring, T);
      await t.rejects(ring.flushIssued(), StoreUnavailableError);
      at.isAway = false;
      const flushed = ring.flushIssued();
      await sign(ring, T);
      await flushed;
      await ring.flushIssued();
      t.equal(counted(), 4);
      losesReply = true;
      await sign(ring, T);
      await t.rejects(ring.flushIssued(), StoreUnavailableError);
      losesReply = false;
      await ring.flushIssued();
      await ring.flushIssued();
      t.equal(counted(), 6);
    },
  );

  await t.test('is written once, and again where the store was away', async (t) => {
    const { at, management, store, ring: newRing } = place();
    await maintainKeys(management);
    let written = 0;
    const keys: KeyStore = {
      ...management.keys,
      recordIssued: (figures) => {
        written += 1;
        return management.keys.recordIssued(figures);
      },
    };
    const ring = newRing({ keys });
    await ring.reload();
    await sign(ring, T);
    await sign(ring, T, 60);
    at.isAway = true;
    await t.rejects(ring.flushIssued(), StoreUnavailableError);
    at.isAway = false;
    await ring.flushIssued();
    await ring.flushIssued();
    t.equal(written, 2);
    t.ok(store.now().keys.some(({ lastTokenExpiresAt }) => lastTokenExpiresAt === T + 300));
  });

  await t.test(
    'a token that lives longer than the plan reckons with is written down before it is out',
    async (t) => {
      const { at, management, store, ring: newRing } = place();
      await maintainKeys(management);
      const ring = newRing();
      await ring.reload();
      at.isAway = true;
      t.ok(await sign(ring, T, 300), 'a usual token needs no store');
      await t.rejects(sign(ring, T, day), SigningUnavailableError);
      at.isAway = false;
      const { kid } = headerOf(await sign(ring, T, day));
      t.match(
        store.now().keys.find((key) => key.kid === kid),
        { longestLifetime: day },
      );
      at.isAway = true;
      t.ok(await sign(ring, T, day), 'and the next one needs none');
      await t.rejects(sign(ring, T, 2 * day), SigningUnavailableError);
      at.isAway = false;
      await ring.flushIssued();
      t.match(
        store.now().keys.find((key) => key.kid === kid),
        { longestLifetime: day },
        'and what was refused is not reckoned with',
      );
    },
  );
});

t.test('an operator error is one', async (t) => {
  const { management } = place();
  await maintainKeys(management);
  t.match(await refusal(revokeKey(management, 'nobody', { reason: 'drill' })), {
    exitCode: 1,
    message: /^there is no key nobody/,
  });
  t.ok((await refusal(rotateKeys(management, 'RS256', { reason: 'drill' }))) instanceof OperatorError);
});
