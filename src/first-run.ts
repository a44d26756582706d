// The first start of an embedded development issuer: three clients and an account to try it with. Their secrets are
// random, made on this machine, and kept in a file of the data folder that only its owner can read.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccount } from './accounts/account.ts';
import { demoSite, demoUris } from './demo/registered.ts';
import { registerClient, updateClient } from './oauth/client-management.ts';
import { readSecretFile } from './secret-file.ts';
import type { House } from './wire.ts';

export interface DemoCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly email: string;
  readonly password: string;
}

export interface Demo extends DemoCredentials {
  /** where they are kept */
  readonly file: string;
  readonly isNew: boolean;
}

const FILE = 'demo.json';

/** The app that people sign in to: public, so it has no secret. */
export const demoApp = 'demo-app';

/**
 * The demo clients and account, made where the store has no client and no account yet. Undefined where somebody has
 * begun to use the issuer in earnest.
 */
export async function demoOf(house: House): Promise<Demo | undefined> {
  const { clients, accounts } = house.stores;
  const file = join(house.config.data_folder, FILE);
  const isNew = !existsSync(file);
  if (isNew && ((await clients.list()).length > 0 || (await accounts.list()).length > 0)) return undefined;
  const demo = isNew ? newCredentials(house, file) : (JSON.parse(readSecretFile(file)) as DemoCredentials);

  // The secrets are on disk before the records are made, so a crash in between is mended by the next start.
  const management = { ...house, actor: 'first start' };
  if (!(await clients.find(demo.clientId))) {
    await registerClient(management, {
      client_id: demo.clientId,
      client_secret: demo.clientSecret,
      client_name: 'Demo',
      grant_types: ['client_credentials'],
      scope: 'demo',
    });
  }
  if (!(await clients.find(demoApp))) {
    await registerClient(management, {
      client_id: demoApp,
      client_name: 'Demo app',
      token_endpoint_auth_method: 'none',
      first_party: true,
      scope: 'demo',
    });
  }
  await registerDemoSite(house);
  if (!(await accounts.findByEmail(demo.email))) {
    await createAccount(management, { email: demo.email, name: 'Demo', password: demo.password });
  }
  return { ...demo, file, isNew };
}

/** The page to try a sign-in at; the issuer may have another port than before. */
async function registerDemoSite(house: House): Promise<void> {
  const management = { ...house, actor: 'first start' };
  const { page, redirectUri } = demoUris(house.config.issuer);
  const uris = { redirect_uris: [redirectUri], post_logout_redirect_uris: [page] };
  const found = await house.stores.clients.find(demoSite);
  if (found === undefined) {
    await registerClient(management, {
      client_id: demoSite,
      client_name: 'Demo',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile email offline_access',
      ...uris,
    });
  } else if (found.metadata.redirect_uris?.[0] !== redirectUri) {
    await updateClient(management, demoSite, uris);
  }
}

function newCredentials({ random }: House, file: string): DemoCredentials {
  const secret = (): string => random.bytes(32).toString('base64url');
  const demo = { clientId: 'demo', clientSecret: secret(), email: 'demo@example.com', password: secret() };
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(draft, file);
  return demo;
}
