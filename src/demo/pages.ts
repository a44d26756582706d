// The two pages of the demo: before and after the sign-in. What comes out of tokens is escaped like everything else.
import { textsFor } from '../http/frontchannel/language.ts';
import { createPress, type Looks, type Page } from '../http/frontchannel/pages/pages.ts';
import type { VerifiedToken, VerifiedTokens } from './relying-party.ts';
import { demoDe } from './texts-de.ts';
import { demoEn } from './texts-en.ts';

const problem = `<% if (it.v.problem) { %><p class="problem" role="alert"><%= it.t.failed %> <%= it.v.problem %></p><% } %>`;

const templates = {
  demoStart: `
<h1><%= it.t.title %></h1>
${problem}
<p><%= it.t.text %></p>
<p class="soft"><%= it.t.account %></p>
<form method="post" action="<%= it.v.action %>/sign-in">
<button><%= it.t.signIn %></button>
</form>
`,
  demoTokens: `
<h1><%= it.t.signedIn(it.v.name) %></h1>
${problem}
<p class="soft"><%= it.t.verified %></p>
<section aria-labelledby="refresh-token">
<h2 id="refresh-token"><%= it.t.refreshToken %></h2>
<p class="soft" role="status"><%= it.t.refreshTokenText(it.v.refreshes) %></p>
<pre><%= it.v.refreshToken %></pre>
<form method="post" action="<%= it.v.action %>/refresh"><button><%= it.t.refresh %></button></form>
<form method="post" action="<%= it.v.action %>/sign-out"><button class="quiet"><%= it.t.signOut %></button></form>
</section>
<% for (const { id, heading, text, parts, jwt } of it.v.tokens) { %>
<section aria-labelledby="<%= id %>">
<h2 id="<%= id %>"><%= heading %></h2>
<p class="soft"><%= text %></p>
<% for (const [name, json] of parts) { %>
<h3><%= name %></h3>
<pre><%= json %></pre>
<% } %>
<details><summary><%= it.t.jwt %></summary><pre><%= jwt %></pre></details>
</section>
<% } %>
<section aria-labelledby="userinfo">
<h2 id="userinfo">UserInfo</h2>
<p class="soft"><%= it.t.userinfoText %></p>
<pre><%= it.v.userinfo %></pre>
</section>
`,
};

export interface SignedInView {
  readonly tokens: VerifiedTokens;
  /** how often they were exchanged */
  readonly refreshes: number;
}

interface View {
  readonly problem: string | undefined;
  /** Accept-Language, as it came */
  readonly languages: string | undefined;
}

/** Templates are compiled once, here. `action` is the path of the demo. */
export function createDemoPages(looks: Looks, action: string) {
  const print = createPress(looks, templates);
  const inLanguage = (languages: string | undefined) => {
    const texts = textsFor([], languages);
    return { texts, t: texts.language === 'de' ? demoDe : demoEn };
  };
  const formAction = "'self'";
  return {
    start({ problem, languages }: View): Page {
      const { texts, t } = inLanguage(languages);
      const v = { action, problem };
      return print('demoStart', texts, { title: t.title, t, v, formAction });
    },
    tokens({ tokens, refreshes }: SignedInView, { problem, languages }: View): Page {
      const { texts, t } = inLanguage(languages);
      const { idToken, accessToken, refreshToken, userinfo } = tokens;
      const partsOf = ({ header, claims, key, jwt }: VerifiedToken) => ({
        jwt,
        parts: [
          [t.header, json(header)],
          [t.claims, json(claims)],
          [t.key, json(key)],
        ],
      });
      const v = {
        action,
        problem,
        refreshes,
        refreshToken,
        name: String(userinfo.name ?? userinfo.sub),
        userinfo: json(userinfo),
        tokens: [
          { id: 'id-token', heading: t.idToken, text: t.idTokenText, ...partsOf(idToken) },
          { id: 'access-token', heading: t.accessToken, text: t.accessTokenText, ...partsOf(accessToken) },
        ],
      };
      return print('demoTokens', texts, { title: t.title, t, v, formAction, isWide: true });
    },
  };
}

const json = (value: object): string => JSON.stringify(value, null, 2);
