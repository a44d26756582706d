// mintmark keys export | import | rewrap: private keys that leave, join and change their envelope.
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ensureNextKeyEncryptionKey } from '../../src/keys/key-encryption-keys.ts';
import type { ImportRole } from '../../src/keys/plan.ts';
import { planReport } from '../../src/keys/report.ts';
import { type Rewrapped, rewrapKeys } from '../../src/keys/rewrap.ts';
import { rewrapWithFolder } from '../../src/keys/rewrap-folder.ts';
import { exportKeys, importKeys, isSealed } from '../../src/keys/transfer.ts';
import { OperatorError } from '../../src/operator-error.ts';
import type { SigningAlg } from '../../src/stores/stores.ts';
import { readInput, readPassphrase } from '../input.ts';
import { answer, note } from '../output.ts';
import { change, done, type Options, query } from '../verbs.ts';
import { planWords } from './keys-words.ts';
import { manageKeys } from './manage-keys.ts';

const passphraseHelp = 'where the passphrase is, - for stdin; on a terminal it is asked for';
const passphraseLengthMinimum = 12;

type Export = Options & { out?: string; passphraseFile?: string };
type Import = Options & { as: string; alg?: SigningAlg; passphraseFile?: string };

export function addCustodyCommands(keys: Command): void {
  query(keys, 'export', 'every key that is not out, with its private half, sealed under a passphrase')
    .option('--out <FILE>', 'a new file, which only you can read; without it, stdout')
    .option('--passphrase-file <F>', passphraseHelp)
    .action(exporting);
  change(
    keys,
    'import <FILE>',
    'an export, or one private key (PEM or JWK) of the issuer before; - for stdin',
  )
    .option('--as <ROLE>', 'a single key is active, standby or retired', 'standby')
    .option('--alg <A>', 'what a single key signs with, where it fits several')
    .option('--passphrase-file <F>', passphraseHelp)
    .action(importing);
  change(keys, 'rewrap', 'wrap the private keys under a new key-encryption key')
    .option('--prepare', 'only make the next key-encryption key, for every machine to have first')
    .action(rewrap);
}

async function exporting(options: Export): Promise<void> {
  const passphrase = await readPassphrase(options.passphraseFile, true);
  if (passphrase.length < passphraseLengthMinimum) {
    const remedy = 'make one with: openssl rand -base64 24';
    throw new OperatorError(
      `the passphrase is shorter than ${passphraseLengthMinimum} characters: ${remedy}`,
      4,
    );
  }
  const jwe = await manageKeys(options, async (management, { stores }) => {
    const { actor, clock } = management;
    const sealed = await exportKeys(management, passphrase);
    // Before anybody has it: there is no export without its entry.
    await stores.audit.append({ at: clock.now(), event: 'keys.exported', actor, subject: 'keys' });
    return sealed;
  });
  const { out } = options;
  if (out === undefined) return answer(options, { jwe }, jwe);
  writeSecretFile(out, `${jwe}\n`);
  answer(
    options,
    { file: out },
    `the keys are in ${out}: import it with the passphrase, which is nowhere else`,
  );
}

/** A file that was there may be open to others, or a link to where others read. */
function writeSecretFile(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true });
    chmodSync(path, 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new OperatorError(`${path} is there already: name a new file`, 4, { cause });
    throw new OperatorError(`${path} cannot be written (${code}): name a file in a folder of yours`, 1, {
      cause,
    });
  }
}

async function importing(file: string, options: Import): Promise<void> {
  const role = roleOf(options.as);
  if (file === '-' && options.passphraseFile === '-') {
    throw new OperatorError('stdin gives the key: give the passphrase as a file', 2);
  }
  const text = await readInput(file);
  const passphrase = isSealed(text) ? await readPassphrase(options.passphraseFile, false) : undefined;
  if (passphrase === undefined) warnOfReaders(file);
  const { alg, dryRun = false } = options;
  const { plans, t } = await manageKeys(options, async (management) => {
    const { after, t } = await importKeys(management, { text, role, alg, passphrase, dryRun });
    const { timetable } = management;
    return { plans: timetable.algs.map((alg) => planReport(after, alg, t, timetable)), t };
  });
  answer(options, { now: t, algs: plans }, done(options, planWords(plans, t)));
}

function roleOf(given: string): ImportRole {
  if (given === 'active' || given === 'standby' || given === 'retired') return given;
  throw new OperatorError(`--as ${given}: a key joins as active, standby or retired`, 2);
}

function warnOfReaders(file: string): void {
  if (file === '-' || (statSync(file).mode & 0o077) === 0) return;
  note(`warning: others on this machine can read the private key in ${file}: remove it once it is imported`);
}

async function rewrap(options: Options & { prepare?: boolean }): Promise<void> {
  const { dryRun = false } = options;
  await manageKeys(options, async (management, { config, random }) => {
    const folder = config.keys_folder;
    if (config.key_encryption_key !== undefined) {
      if (options.prepare) throw new OperatorError(preparedBySetting, 2);
      const rewrapped = await rewrapKeys(management, { dryRun });
      return answer(options, rewrappedJson(rewrapped), done(options, wrappedWords(rewrapped)));
    }
    if (options.prepare) {
      const next = dryRun ? null : ensureNextKeyEncryptionKey(folder, random);
      const where = next ?? `a file of ${folder}`;
      const words = `the next key-encryption key is in ${where}: copy it to every machine, then run \`mintmark keys rewrap\``;
      return answer(options, { next }, done(options, words));
    }
    const rewrapped = await rewrapWithFolder(management, folder, random, { dryRun });
    const { old } = rewrapped;
    const kept = old === null ? '' : `; ${old} is needed for older backups of the store alone`;
    const document = { ...rewrappedJson(rewrapped), old };
    answer(options, document, done(options, `${wrappedWords(rewrapped)}${kept}`));
  });
}

const rewrappedJson = ({ keys, totpSecrets, kid }: Rewrapped) => ({ keys, totp_secrets: totpSecrets, kid });

const wrappedWords = ({ keys, totpSecrets, kid }: Rewrapped): string =>
  `${keys} keys${totpSecrets > 0 ? ` and ${totpSecrets} secrets of TOTP apps` : ''} are wrapped under ${kid}`;

const preparedBySetting =
  'MINTMARK_KEY_ENCRYPTION_KEY holds the keys: put a new one before the old one there, restart, then rewrap';
