// mintmark keys list | plan | rotate | revoke | remove, and the verbs of custody (keys-custody.ts).
import type { Command } from 'commander';
import { cutOffUsers } from '../../src/keys/cut-off.ts';
import type { KeyTimes } from '../../src/keys/lifecycle.ts';
import { settle } from '../../src/keys/plan.ts';
import { removeKey } from '../../src/keys/remove.ts';
import { type AlgorithmPlan, keyStandings, planReport, verifierStandings } from '../../src/keys/report.ts';
import { noteRevocation } from '../../src/keys/revocation-notes.ts';
import { changeKeys, type KeyManagement, revokeKey, rotateKeys } from '../../src/keys/rotate.ts';
import { exposureForecast } from '../../src/keys/verifier-caches.ts';
import { readVerifierFetches } from '../../src/keys/verifier-fetches.ts';
import { endpointsOf } from '../../src/oauth/authorization-server.ts';
import { OperatorError } from '../../src/operator-error.ts';
import { purgeJwks } from '../../src/purge-jwks.ts';
import type { KeyRecord, SigningAlg } from '../../src/stores/stores.ts';
import { answer, note } from '../output.ts';
import { change, done, type Options, query } from '../verbs.ts';
import { addCustodyCommands } from './keys-custody.ts';
import { addDrillCommand } from './keys-drill.ts';
import { addSecretCommand } from './keys-secret.ts';
import {
  cutOffWords,
  exposureTable,
  keyTable,
  outageWords,
  planWords,
  signedWords,
  verifierTable,
} from './keys-words.ts';
import { manageKeys } from './manage-keys.ts';

type Rotation = Options & { alg?: string; now?: boolean; reason?: string };

export function addKeysCommands(keys: Command): void {
  query(keys, 'list', 'every key, its state and its times')
    .option('--verifiers', 'who fetches the JWKS instead, and what they lack of it')
    .action(list);
  query(keys, 'plan', 'what happens next, when, which rule says so, who would break now').action(plan);
  change(keys, 'rotate', 'bring the next change of keys forward, as far as it is safe')
    .option('--alg <A>', 'of this algorithm alone')
    .option('--now', 'at once, whoever breaks; needs --reason')
    .option('--reason <R>', 'why, for the audit log')
    .action(rotate);
  change(keys, 'revoke <KID>', 'take a compromised key out, at once and for ever')
    .requiredOption('--reason <R>', 'why, for the audit log')
    .option(
      '--cut-off',
      'end the sign-ins, too, that were used while it signed, and sign their accounts out everywhere',
    )
    .action(revoke);
  change(
    keys,
    'remove <KID>',
    'take a retired key out before its time, where no token of it can be alive',
  ).action(remove);
  addDrillCommand(keys);
  addCustodyCommands(keys);
  addSecretCommand(keys);
}

async function list(options: Options & { verifiers?: boolean }): Promise<void> {
  if (options.verifiers) return listVerifiers(options);
  const { standings, t } = await manageKeys(options, async ({ keys, clock, timetable }) => {
    const set = await keys.read();
    const t = Math.max(clock.now(), set.lastT);
    return { standings: keyStandings(set.keys, t, timetable), t };
  });
  const isEmpty = standings.length === 0;
  answer(options, standings, isEmpty ? 'no keys yet: the first start makes them' : keyTable(standings, t));
}

async function listVerifiers(options: Options): Promise<void> {
  const { standings, t } = await manageKeys(options, async ({ keys, clock, timetable }, { stores }) => {
    const set = await keys.read();
    const t = Math.max(clock.now(), set.lastT);
    const fetches = await readVerifierFetches(stores.documents, t, timetable);
    return { standings: verifierStandings(fetches, set.keys, t, timetable), t };
  });
  const isEmpty = standings.length === 0;
  answer(options, standings, isEmpty ? 'nobody has fetched the JWKS lately' : verifierTable(standings, t));
}

async function plan(options: Options): Promise<void> {
  const { plans, t } = await manageKeys(options, async (management, { stores }) => {
    const { timetable } = management;
    const whole = await changeKeys(management, (keys, t) => settle(keys, t, timetable), { dryRun: true });
    const fetches = await readVerifierFetches(stores.documents, whole.t, timetable);
    return {
      plans: timetable.algs.map((alg) => planReport(whole.after, alg, whole.t, timetable, fetches)),
      t: whole.t,
    };
  });
  answer(options, { now: t, algs: plans }, planWords(plans, t));
}

async function rotate(options: Rotation): Promise<void> {
  if (options.now && !options.reason) {
    throw new OperatorError('--now may break verifiers: say why with --reason, for the audit log', 2);
  }
  const rotated = await manageKeys(options, (management) => rotateAll(management, options));
  const t = rotated[0]?.t ?? 0;
  const outage = options.now ? rotated.flatMap(({ before }) => before.outage_if_now) : [];
  if (options.now) note(outageWords('Rotated at once', outage));
  const plans = rotated.map(({ after }) => after);
  answer(options, { now: t, algs: plans, outage }, done(options, planWords(plans, t)));
}

/** Every algorithm asked for. Throws OperatorError, exit 3, where there is nothing to do for any of them. */
async function rotateAll(management: KeyManagement, options: Rotation) {
  const { timetable } = management;
  const rotated: { t: number; before: AlgorithmPlan; after: AlgorithmPlan }[] = [];
  const reasons: string[] = [];
  for (const alg of options.alg === undefined ? timetable.algs : [configured(options.alg, timetable.algs)]) {
    try {
      const { t, before, after } = await rotateKeys(management, alg, options);
      const report = (keys: readonly KeyTimes[]) => planReport(keys, alg, t, timetable);
      rotated.push({ t, before: report(settle(before, t, timetable)), after: report(after) });
    } catch (error) {
      if (!(error instanceof OperatorError) || error.exitCode !== 3) throw error;
      reasons.push(error.message.replace('nothing to do: ', ''));
    }
  }
  if (rotated.length === 0) throw new OperatorError(`nothing to do: ${reasons.join('; ')}`, 3);
  for (const reason of reasons) note(reason);
  return rotated;
}

function configured(alg: string, algs: readonly SigningAlg[]): SigningAlg {
  const found = algs.find((one) => one === alg);
  if (found) return found;
  throw new OperatorError(
    `${alg} has no keys here: --alg is one of keys.signing_algs, ${algs.join(', ')}`,
    2,
  );
}

async function revoke(kid: string, options: Options & { reason: string; cutOff?: boolean }): Promise<void> {
  const { t, key, isNoted, exposure, ended, purging } = await manageKeys(
    options,
    async (management, house) => {
      const { timetable } = management;
      const { t, key } = await takeOut(management, kid, options);
      const isNoted = options.dryRun === true || noteRevocation(house.config.keys_folder, kid, t);
      const parts = { endings: house.stores.endings, timetable, actor: management.actor };
      // Last: a key that is out while sign-ins go on is better than the other way round.
      const ended = options.cutOff ? await cutOffUsers(parts, key, management.clock.now(), options) : null;
      const { purge_url: url } = house.config.keys;
      const { jwks } = endpointsOf(house.config.issuer);
      const purging = url === undefined || options.dryRun ? undefined : await purgeJwks(url, jwks);
      return { t, key, isNoted, ended, purging, exposure: exposureForecast(timetable.jwksMaxAge) };
    },
  );
  if (purging !== undefined) {
    note(`warning: keys.purge_url was asked in vain, ${purging}: make the CDN forget the JWKS by hand`);
  }
  if (!isNoted) {
    note(
      `warning: the keys folder cannot be written: revoke ${kid} again if the store is ever restored from a backup`,
    );
  }
  const trusted = exposure.map(({ verifier, seconds }) => ({
    verifier,
    trusts_until: Number.isFinite(seconds) ? t + seconds : null,
  }));
  const words = `${kid} is revoked: it left the JWKS, and the next key signs
${ended === null ? '' : `${cutOffWords(ended)}\n`}${signedWords(key, t)}\n${exposureTable(exposure, t)}`;
  const { tokensIssued: tokens_issued, lastTokenExpiresAt } = key;
  const tokens_until = lastTokenExpiresAt > t ? lastTokenExpiresAt : null;
  const value = {
    kid,
    revoked_at: t,
    tokens_issued,
    tokens_until,
    verifiers: trusted,
    families_ended: ended?.families ?? null,
    accounts_cut_off: ended?.accounts ?? null,
  };
  answer(options, value, done(options, words));
}

async function remove(kid: string, options: Options): Promise<void> {
  const { t } = await manageKeys(options, (management) => removeKey(management, kid, options));
  answer(options, { kid, removed_at: t }, done(options, `${kid} is removed: it left the JWKS`));
}

/** The key, revoked at t. With --cut-off it may have been revoked before: what was not asked for then can be done now. */
async function takeOut(
  management: KeyManagement,
  kid: string,
  options: Options & { reason: string; cutOff?: boolean },
): Promise<{ t: number; key: KeyRecord }> {
  try {
    const { t, before } = await revokeKey(management, kid, options);
    return { t, key: before.find((key) => key.kid === kid) as KeyRecord };
  } catch (error) {
    if (!options.cutOff || !(error instanceof OperatorError) || error.exitCode !== 3) throw error;
    const { keys } = await management.keys.read();
    const key = keys.find((one) => one.kid === kid) as KeyRecord;
    return { t: key.revokedAt as number, key };
  }
}
