// Hashes as they are kept and as they come, verified at one price.
import t from 'tap';
import { hashPassword, verifyPassword } from '../../src/accounts/password.ts';
import {
  argon2Cost,
  argon2Size,
  isOutdated,
  type PasswordHash,
  readPasswordHash,
} from '../../src/accounts/password-hash.ts';
import { passwordWork } from '../../src/accounts/password-work.ts';
import { systemRandom } from '../../src/random.ts';
import { countedWork } from '../helpers/password-work.ts';

/** Made by PBKDF2PasswordHasher of Django 3.2. */
const djangos: readonly (readonly [password: string, hash: string])[] = [
  [
    'correct horse',
    'pbkdf2_sha256$390000$lKq0H8Bz3fKcN2sWv9TtYp$iwoVBhBWeO5sV5gUdXJulz86Qm2SSzpGQ32GvYwTzrg=',
  ],
  ['p\u00e4ssw\u00f6rd', 'pbkdf2_sha256$1$Zz9$cWxFwUDBOEK1bvS3iFqgpAioOJg6VvTnd4xNhhR5QDg='],
  ['pa\u0308sswo\u0308rd', 'pbkdf2_sha256$1$Zz9$Fi91qxAq/m+WKQCyYBSv2L9wjxpH4xT4FxhQ65XG2Aw='],
  ['пароль 🔑', 'pbkdf2_sha256$1000$seasalt$OxquX6kVyi1OenrU2fivDatC3sQHDxsxXx12C/Q3LHI='],
  ['short', 'pbkdf2_sha256$24000$abcdefghijkl$7i7VHhWC9iGFVa6d+PXYzQt37aEbRAFLdEoVRTUuL10='],
  ['x'.repeat(200), 'pbkdf2_sha256$2$AAAAAAAAAAAAAAAAAAAAAA$rEDUh/gfAOWyQf6wmkWBd1/S79/rNTPHJmN56Ecxn98='],
  [' lead and trail ', 'pbkdf2_sha256$3$s/alt+=$SdXSDqZ4G4h/tT/cpv/wGlu8MSjFk9yjBJ8cPUdl6Gc='],
];

for (const [password, hash] of djangos) {
  t.test(`Django's hash of ${password.slice(0, 16)} is verified`, async (t) => {
    t.ok(await verifyPassword(password, hash));
    t.notOk(await verifyPassword(`${password}.`, hash));
    t.notOk(await verifyPassword('', hash));
  });
}

t.test('what is no whole hash is no hash, and nobody signs in by it', async (t) => {
  const [iterations, salt, digest] = ['1', 'Zz9', 'cWxFwUDBOEK1bvS3iFqgpAioOJg6VvTnd4xNhhR5QDg='];
  const [argonSalt, argonDigest] = ['c29tZXNhbHRzb21lc2FsdA', 'A'.repeat(43)];
  const broken = [
    '',
    '!',
    '!PzqWI8PwQKPypEzGFckCxN80sQ5rNAvIt2DMkH0F',
    'pbkdf2_sha256',
    `pbkdf2_sha256$${iterations}$${salt}`,
    `pbkdf2_sha256$${iterations}$$${digest}`,
    `pbkdf2_sha256$0$${salt}$${digest}`,
    `pbkdf2_sha256$-1$${salt}$${digest}`,
    `pbkdf2_sha256$1e3$${salt}$${digest}`,
    `pbkdf2_sha256$01$${salt}$${digest}`,
    `pbkdf2_sha256$10000001$${salt}$${digest}`,
    `pbkdf2_sha256$99999999999$${salt}$${digest}`,
    `pbkdf2_sha256$${iterations}$${'x'.repeat(129)}$${digest}`,
    `pbkdf2_sha256$${iterations}$a\0b$${digest}`,
    `pbkdf2_sha256$${iterations}$${salt}$${digest.slice(1)}`,
    `pbkdf2_sha256$${iterations}$${salt}$${digest}=`,
    `pbkdf2_sha256$${iterations}$${salt}$${digest}\n`,
    `pbkdf2_sha1$${iterations}$${salt}$${digest}`,
    `argon2$argon2id$v=19$m=19456,t=2,p=1$${argonSalt}$${argonDigest}`,
    `$argon2i$v=19$m=19456,t=2,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=16$m=19456,t=2,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$m=19456,t=2,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=7,t=2,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=15,t=2,p=2$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=0,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=2,p=0$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=1048577,t=1,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=54,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=99999999,t=99999999,p=1$${argonSalt}$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$short$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${argonSalt}$`,
    `$argon2id$v=19$m=19456,t=2,p=1$${argonSalt}AAA$${argonDigest}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${argonSalt}$${'B'.repeat(43)}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${argonSalt}==$${argonDigest}`,
  ];
  for (const hash of broken) {
    t.equal(readPasswordHash(hash), undefined, JSON.stringify(hash));
    t.equal(await verifyPassword('p\u00e4ssw\u00f6rd', hash), false);
  }
  t.equal(await verifyPassword('whatever', null), false, 'and where there is none at all');
});

t.test('an argon2 hash at the edge of what is read is verified', async (t) => {
  const salts = [8, 16, 48].map((length) => Buffer.alloc(length, 7));
  for (const salt of salts) {
    const phc = await passwordWork.argon2('correct horse', salt, {
      memoryCost: 16,
      timeCost: 1,
      parallelism: 2,
    });
    t.match(readPasswordHash(phc), { kind: 'argon2', cost: { memoryCost: 16, timeCost: 1, parallelism: 2 } });
    t.equal(await verifyPassword('correct horse', phc), true, phc);
  }
  const lengths = [
    [8, 12],
    [8, 64],
    [47, 63],
    [48, 64],
  ] as const;
  for (const [salt, digest] of lengths) {
    const base64 = (length: number) => Buffer.alloc(length, 7).toString('base64').replace(/=+$/, '');
    const phc = `$argon2id$v=19$m=8,t=1,p=1$${base64(salt)}$${base64(digest)}`;
    t.ok(readPasswordHash(phc), phc);
    t.equal(await verifyPassword('correct horse', phc), false);
  }
});

t.test('a hash is outdated when it is Django’s, or argon2 of another cost', async (t) => {
  const phc = await hashPassword('correct horse', systemRandom);
  const outdated = (hash: string) => isOutdated(readPasswordHash(hash) as PasswordHash);
  t.equal(outdated(phc), false);
  t.equal(outdated(phc.replace('m=19456', 'm=9728')), true);
  t.equal(outdated(phc.replace('t=2', 't=3')), true);
  t.equal(outdated(phc.replace('p=1', 'p=2')), true);
  t.equal(outdated(djangos[0]?.[1] ?? ''), true);
});

t.test('a wrong password costs the same whatever it is held against', async (t) => {
  const cheap = { memoryCost: 9_728, timeCost: 3, parallelism: 1 };
  const hashes = {
    'no account, or none with a password': null,
    'argon2 of today': await hashPassword('correct horse', systemRandom),
    'argon2 of yesterday': await passwordWork.argon2('correct horse', systemRandom.bytes(16), cheap),
    'a short hash of Django': djangos[3]?.[1] ?? null,
    'a longer one': djangos[4]?.[1] ?? null,
    'no whole hash': 'pbkdf2_sha256$1$$',
  };
  for (const [what, hash] of Object.entries(hashes)) {
    const { work, spent } = countedWork();
    t.equal(await verifyPassword('wrong', hash, { iterations: 24_000, work }), false);
    t.same(spent, { argon2: argon2Size(argon2Cost), iterations: 24_000 }, what);
  }
  const { work, spent } = countedWork();
  t.equal(
    await verifyPassword('x'.repeat(4_001), djangos[4]?.[1] ?? null, { iterations: 24_000, work }),
    false,
  );
  t.same(spent, { argon2: 0, iterations: 0 }, 'and what is far too long costs nothing');
});
