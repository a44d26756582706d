// What a person reads on the terminal when the service has started: where it is, and what to paste next.
import { demoUris } from './demo/registered.ts';
import { type DemoCredentials, demoApp } from './first-run.ts';
import { firstpartyPath } from './http/firstparty/firstparty.ts';

export interface BannerFacts {
  readonly issuer: string;
  readonly startedIn: number;
  /** in words, without a password: where the data lies */
  readonly store: string;
  readonly embedded: boolean;
  readonly keysFolder: string;
  readonly demo: (DemoCredentials & { readonly file: string; readonly isNew: boolean }) | undefined;
  /** what goes before `npm run -s mintmark` so that it finds this service's stores: `MINTMARK_DATA=... ` or nothing */
  readonly prefix: string;
}

/** The commands of the banner, ready to paste into a POSIX shell, each with what it does. */
export function pasteable({ issuer, demo, prefix }: BannerFacts): readonly (readonly [string, string])[] {
  const mintmark = `${prefix}npm run -s mintmark --`;
  const plan = ['when the signing keys rotate, and why then', `${mintmark} keys plan`] as const;
  if (!demo) return [plan];
  const token = `curl -s -u '${demo.clientId}:${demo.clientSecret}' -d grant_type=client_credentials ${issuer}/token`;
  const person = JSON.stringify({ client_id: demoApp, email: demo.email, password: demo.password });
  const signIn = `curl -s -H content-type:application/json -d '${person}' ${issuer}${firstpartyPath}/`;
  return [
    ['a token by client credentials', token],
    ['why it is accepted', `${token} | ${mintmark} explain -`],
    ['tokens by e-mail and password', signIn],
    ['why the access token is accepted', `${signIn} | ${mintmark} explain -`],
    plan,
  ];
}

export function banner(facts: BannerFacts): string {
  const { issuer, demo } = facts;
  const lines = [
    `Mintmark issues tokens as ${issuer}  (started in ${facts.startedIn.toFixed(1)} s)`,
    '',
    `  discovery   ${issuer}/.well-known/openid-configuration`,
    `  keys        ${issuer}/.well-known/jwks.json`,
    `  data        ${facts.store}`,
    `  secrets     ${facts.keysFolder}`,
  ];
  if (demo) {
    lines.push(
      '',
      demo.isNew
        ? 'Made for you to try, with secrets of this machine:'
        : 'To try, as made at the first start:',
      `  sign in at  ${demoUris(issuer).page}  (an app that shows its tokens)`,
      `  client      ${demo.clientId}  ${demo.clientSecret}`,
      `  app         ${demoApp}  (people sign in to it; it has no secret)`,
      `  account     ${demo.email}  ${demo.password}`,
      `  kept in     ${demo.file}`,
    );
  }
  lines.push('', 'Paste into another terminal:');
  for (const [what, command] of pasteable(facts)) lines.push(`  # ${what}`, `  ${command}`);
  if (facts.embedded) {
    lines.push(
      '',
      'The embedded store survives a crash of this process, not a power cut. What production needs:',
      `  ${facts.prefix}npm run -s mintmark -- doctor --production`,
    );
  }
  return `${lines.join('\n')}\n`;
}
