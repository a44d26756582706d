// The engine that a history is lived by: the real one, or one that is wrong in one way, to see that it is found out.
// A mutation is made at the port, or in the text of a module: then that module, and all that need it, are loaded anew.
import { readFileSync } from 'node:fs';
import type { AuthorizationServer } from '../../src/oauth/authorization-server.ts';
import type { AuthenticatedClient } from '../../src/oauth/client-authentication.ts';
import type { Grant } from '../../src/oauth/grants/grant.ts';
import { refreshToken } from '../../src/oauth/grants/refresh-token.ts';
import { type IssuedTokens, mintAndCommit } from '../../src/oauth/token.ts';
import type { FamilyStateStore, FamilyStore } from '../../src/stores/stores.ts';

export interface Engine {
  readonly mintAndCommit: typeof mintAndCommit;
  /** What the token endpoint does for the grant, once the client is authenticated. */
  issue(
    as: AuthorizationServer,
    client: AuthenticatedClient,
    token: string,
  ): Promise<Omit<IssuedTokens, 'grantType'>>;
  hot(store: FamilyStateStore): FamilyStateStore;
  families(store: FamilyStore): FamilyStore;
}

const engineOf = (token: Pick<Engine, 'mintAndCommit'>, grant: Grant): Engine => ({
  mintAndCommit: token.mintAndCommit,
  issue: (as, client, text) => {
    const parameters = { values: new Map([['refresh_token', text]]), resources: [] };
    return token.mintAndCommit(as, client, () => grant.prove(as, client, parameters));
  },
  hot: (store) => store,
  families: (store) => store,
});

export const realEngine: Engine = engineOf({ mintAndCommit }, refreshToken);

/** A change in the text of a compiled module: what is written there, once, and what is to be read instead. */
export interface Rewriting {
  /** below src/oauth */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The engine with these texts changed. Throws where a text is not there exactly once: the code has moved on. */
export async function rewrittenEngine(...rewritings: readonly Rewriting[]): Promise<Engine> {
  const modules = new Map<string, string>();

  /** Where to import the module from: itself, or its new text where it, or what it needs, is changed. */
  function load(url: string): string {
    const known = modules.get(url);
    if (known !== undefined) return known;
    const source = readFileSync(new URL(url), 'utf8').replace(/^\/\/# sourceMappingURL.*$/m, '');
    let isChanged = false;
    let text = source.replace(/(\bfrom ')(\.[^']+)(';)/g, (_, before, specifier, after) => {
      const original = new URL(specifier, url).href;
      const loaded = load(original);
      isChanged ||= loaded !== original;
      return before + loaded + after;
    });
    for (const { from, to } of rewritings.filter(({ file }) => url === urlOf(file))) {
      if (text.split(from).length !== 2) throw new Error(`${url} does not have, just once: ${from}`);
      text = text.replace(from, () => to);
      isChanged = true;
    }
    const loaded = isChanged ? `data:text/javascript;base64,${Buffer.from(text).toString('base64')}` : url;
    modules.set(url, loaded);
    return loaded;
  }

  const token = await import(load(urlOf('token')));
  const { refreshToken } = await import(load(urlOf('grants/refresh-token')));
  return engineOf(token, refreshToken);
}

const urlOf = (file: string): string => new URL(`../../src/oauth/${file}.js`, import.meta.url).href;
