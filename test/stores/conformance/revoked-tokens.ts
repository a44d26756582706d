// RevokedTokenStore: revoked is revoked for everybody, for as long as the token would have lived.
import type { Test } from 'tap';
import { fresh, type Replicas, race, strangeNames, T } from './setting.ts';

export async function revokedTokensKeepTheirPromises(t: Test, replicas: Replicas): Promise<void> {
  const [{ revokedTokens, sweeper }] = replicas;

  await t.test('a token that was revoked is so for everybody, and no other is', async (t) => {
    const [jti, other] = [fresh('jti'), fresh('jti')];
    await revokedTokens.revoke(jti, T);
    for (const stores of replicas) {
      t.equal(await stores.revokedTokens.isRevoked(jti), true);
      t.equal(await stores.revokedTokens.isRevoked(other), false);
    }
  });

  await t.test('a hundred that revoke one token agree', async (t) => {
    const jti = fresh('jti');
    await race(replicas, ({ revokedTokens }, racer) => revokedTokens.revoke(jti, T + racer));
    t.equal(await revokedTokens.isRevoked(jti), true);
  });

  await t.test('whoever asks after a revocation was acknowledged is told', async (t) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const jti = fresh('jti');
      const before = race(replicas, ({ revokedTokens }) => revokedTokens.isRevoked(jti));
      await revokedTokens.revoke(jti, T);
      const after = await race(replicas, ({ revokedTokens }) => revokedTokens.isRevoked(jti));
      t.notOk(after.includes(false));
      await before;
    }
  });

  await t.test('a hundred tokens are asked for at once, and each is given its own answer', async (t) => {
    const jtis = Array.from({ length: 100 }, () => fresh('jti'));
    await Promise.all(jtis.filter((_, i) => i % 3 === 0).map((jti) => revokedTokens.revoke(jti, T)));
    const found = await race(replicas, ({ revokedTokens }, racer) =>
      revokedTokens.isRevoked(jtis[racer] as string),
    );
    t.strictSame(
      found,
      jtis.map((_, i) => i % 3 === 0),
    );
  });

  await t.test('it is remembered until the last instant that anybody named', async (t) => {
    const [sooner, later, never] = [fresh('jti'), fresh('jti'), fresh('jti')];
    // Decades ago, when nothing that another test left has expired yet.
    for (const expiresAt of [1_000, 2_000, 1_500]) await revokedTokens.revoke(later, expiresAt);
    await revokedTokens.revoke(sooner, 1_000);
    await revokedTokens.revoke(never, Number.POSITIVE_INFINITY);
    t.equal(await sweeper.sweep(1_999, 10), 1);
    t.equal(await revokedTokens.isRevoked(sooner), false);
    t.equal(await revokedTokens.isRevoked(later), true);
    t.equal(await sweeper.sweep(2_000, 10), 1);
    t.equal(await revokedTokens.isRevoked(later), false);
    t.equal(await revokedTokens.isRevoked(never), true);
  });

  await t.test('no identifier is taken for another, and none is refused', async (t) => {
    const long = 'x'.repeat(1_000_000);
    const jtis = [...strangeNames, '', 'a\0b', 'a', '\ud800', '\udc00', '\ufffd', long, `${long}y`];
    for (const jti of jtis) {
      t.equal(await revokedTokens.isRevoked(jti), false);
      await revokedTokens.revoke(jti, T);
      t.equal(await revokedTokens.isRevoked(jti), true);
    }
  });
}
