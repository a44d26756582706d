// A sign-in without any door: what a client has once somebody has shown it who they are.
import { createAccount } from '../../src/accounts/account.ts';
import type { AuthenticatedClient } from '../../src/oauth/client-authentication.ts';
import type { TokenResponse } from '../../src/oauth/messages.ts';
import { authorizeSignIn } from '../../src/oauth/sign-in.ts';
import { mintAndCommit } from '../../src/oauth/token.ts';
import type { Service } from '../../src/service.ts';
import { authorizationServerOf, type House, keyringOf, macKeyRingOf } from '../../src/wire.ts';

export type SignedIn = TokenResponse & { readonly refresh_token: string };

/** Signs an account in at a client; it is made where there is none. */
export async function signIn(
  { house, keyring, macKeyRing }: Pick<Service, 'house' | 'keyring' | 'macKeyRing'>,
  { client_id }: { readonly client_id: string },
  email = 'ada@example.com',
): Promise<SignedIn> {
  const { accounts } = house.stores;
  const known = await accounts.findByEmail(email);
  const account = known ?? (await createAccount({ ...house, actor: 'test' }, { email, name: 'Ada' }));
  const as = authorizationServerOf(house, keyring, macKeyRing);
  const client = (await as.clients.find(client_id)) as AuthenticatedClient;
  const facts = { account, acr: 'aal1', amr: ['pwd'] };
  const { response } = await mintAndCommit(as, client, () => authorizeSignIn(as, client, facts));
  return response as SignedIn;
}

/** The same in a house beside a running service. */
export async function signInBeside(house: House, client: { readonly client_id: string }, email?: string) {
  const [keyring, macKeyRing] = [keyringOf(house), macKeyRingOf(house)];
  await Promise.all([keyring.reload(), macKeyRing.reload()]);
  return signIn({ house, keyring, macKeyRing }, client, email);
}
