// What people read of their sessions and apps: when, where and what, in words.
import { hasSecondFactor } from '../../accounts/factors.ts';
import type { AccountNote } from '../../oauth/account-notes.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import type { App } from '../../oauth/own-account.ts';
import type { Session } from '../../oauth/session.ts';
import type { Factors } from '../../stores/stores.ts';
import type { AccountPageView } from './pages/pages.ts';
import { problemInWords } from './second-factor.ts';
import type { Texts } from './texts/en.ts';
import { userAgentNames } from './user-agent.ts';
import { appName, consentSections } from './words.ts';

/** As the person's language writes dates; in UTC, since nobody tells us where they are. */
const day = ({ language }: Texts, at: number): string =>
  new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(at * 1000);

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** How long ago. */
function ago({ language, account }: Texts, at: number, now: number): string {
  const seconds = Math.max(0, now - at);
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? [];
  if (unit === undefined || length === undefined) return account.justNow;
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(
    -Math.floor(seconds / length),
    unit,
  );
}

/** This one first. */
export function sessionViews(
  texts: Texts,
  sessions: readonly Session[],
  current: string,
  now: number,
): AccountPageView['sessions'] {
  const { account } = texts;
  const views = sessions.map(({ sid, userAgent, address, createdAt, lastSeenAt }) => {
    const { browser = account.someBrowser, system } = userAgentNames(userAgent);
    return {
      sid,
      isCurrent: sid === current,
      device: system === undefined ? browser : account.device(browser, system),
      address,
      seen: account.seen(ago(texts, lastSeenAt, now)),
      since: account.signedInSince(day(texts, createdAt)),
    };
  });
  return views.sort((one, other) => Number(other.isCurrent) - Number(one.isCurrent));
}

/** All but whether they may be changed. */
export function factorViews(
  texts: Texts,
  factors: Factors | undefined,
  now: number,
): Omit<AccountPageView['factors'], 'isRecent' | 'mayHavePasskeys'> {
  const { factors: words } = texts;
  const { totp = null, passkeys = [], recoveryCodes = [] } = factors ?? {};
  return {
    isOn: hasSecondFactor(factors),
    totpSince: totp === null ? undefined : words.totpSince(day(texts, totp.addedAt)),
    recoveryCodes: recoveryCodes.length,
    passkeys: passkeys.map(({ id, name, addedAt, lastUsedAt }) => ({
      id,
      name,
      since: words.passkeySince(day(texts, addedAt)),
      used: lastUsedAt === null ? words.passkeyUnused : words.passkeyUsed(ago(texts, lastUsedAt, now)),
    })),
  };
}

/** What it stands for is a sentence of its own. */
const isTold = (scope: string): boolean => scope !== 'offline_access';

export async function appViews(
  { resources, clock }: Pick<AuthorizationServer, 'resources' | 'clock'>,
  texts: Texts,
  apps: readonly App[],
): Promise<AccountPageView['apps']> {
  const { account, consent } = texts;
  const now = clock.now();
  const words = { ...texts, consent: { ...consent, ...account.may } };
  return Promise.all(
    apps.map(async ({ client, since, lastUsedAt, allowed }) => {
      const found = await Promise.all(allowed.resources.map((uri) => resources.find(uri)));
      const known = found.filter((resource) => resource !== undefined);
      return {
        clientId: client.clientId,
        name: appName(client),
        since: account.allowedSince(day(texts, since)),
        used: lastUsedAt === undefined ? account.unused : account.used(ago(texts, lastUsedAt, now)),
        sections: consentSections(words, { ...allowed, scopes: allowed.scopes.filter(isTold) }, known),
        keepsAccess: allowed.scopes.includes('offline_access'),
      };
    }),
  );
}

const fields = {
  password_wrong: 'current_password',
  password_short: 'new_password',
  password_long: 'new_password',
  password_differs: 'repeated_password',
} as const;

/** What a note says, and whether it is of something that went wrong. */
export function noteInWords(texts: Texts, note: AccountNote): NonNullable<AccountPageView['note']> {
  if ('email' in note) return { isProblem: true, text: problemInWords(texts, note) ?? '' };
  const { factors } = texts;
  if (Object.hasOwn(factors.problems, note.kind))
    return { isProblem: true, text: factors.problems[note.kind as keyof typeof factors.problems] };
  if (Object.hasOwn(factors.done, note.kind))
    return { isProblem: false, text: factors.done[note.kind as keyof typeof factors.done] };
  const { problems: faults, done } = texts.account;
  if (Object.hasOwn(fields, note.kind)) {
    const kind = note.kind as keyof typeof fields;
    return { isProblem: true, text: faults[kind], field: fields[kind] };
  }
  return { isProblem: false, text: done[note.kind as keyof typeof done] };
}
