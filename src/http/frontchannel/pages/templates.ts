// The pages, as templates: what stands in `<%= %>` is escaped, and nothing from outside ever stands in `<%~ %>`.
// `it` is what pages.ts gives: `t` the texts of the page, `v` what it shows.

import { accountFactors, passkeySignIn } from './factor-templates.ts';
import { emailNotVerified, waysIn } from './letter-templates.ts';

export { enrol, passkeySetUp, recoveryCodes, secondFactor, totpSetUp } from './factor-templates.ts';
export { letter, letterSent, ticket } from './letter-templates.ts';

/** The client's, where it is carried along; its name stands beside it in words. */
const appLogo = `<% if (it.v.look?.logo) { %><img class="app" src="<%= it.v.look.logo %>" alt=""><% } %>
`;

export const layout = `<!doctype html>
<html lang="<%= it.texts.language %>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title><%= it.title %> – <%= it.name %></title>
<style><%~ it.style %></style>
</head>
<body<% if (it.isWide) { %> class="wide"<% } %>>
<header>
<% if (it.logo) { %><img src="<%= it.logo %>" alt="<%= it.name %>"><% } else { %><p><%= it.name %></p><% } %>
</header>
<main>
<%~ it.body %>
</main>
<% if (it.script) { %><script><%~ it.script %></script><% } %>
</body>
</html>
`;

export const signIn = `
${appLogo}<h1><%= it.t.title %></h1>
<p class="soft"><%= it.t.to(it.v.app) %></p>
<% if (it.v.isAgain) { %><p><%= it.t.again %></p><% } %>
<% if (it.v.done) { %><p class="done" role="status"><%= it.v.done %></p><% } %>
<% if (it.v.problem) { %><p class="problem" role="alert" id="problem"><%= it.v.problem %></p><% } %>
<form method="post" action="<%= it.v.action %>/sign-in">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<label for="email"><%= it.t.email %></label>
<input id="email" name="email" type="text" inputmode="email" autocomplete="username" autocapitalize="none"
 autocorrect="off" spellcheck="false" required maxlength="320" value="<%= it.v.email %>"
<% if (it.v.problem) { %> aria-describedby="problem" aria-invalid="<%= it.v.isWrong %>"<% } %>
<% if (!it.v.email) { %> autofocus<% } %>>
<label for="password"><%= it.t.password %></label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="4000"
<% if (it.v.problem) { %> aria-describedby="problem" aria-invalid="<%= it.v.isWrong %>"<% } %>
<% if (it.v.email) { %> autofocus<% } %>>
<button><%= it.t.submit %></button>
</form>
${passkeySignIn}${waysIn}`;

export const chooseAccount = `
${appLogo}<h1><%= it.t.title %></h1>
<p class="soft"><%= it.t.to(it.v.app) %></p>
<form method="post" action="<%= it.v.action %>/account">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">
<button name="choice" value="this"><%= it.t.goOn(it.v.account) %></button>
<button class="quiet" name="choice" value="another"><%= it.t.another %></button>
</form>
`;

export const consent = `
${appLogo}<h1><%= it.t.title(it.v.app) %></h1>
<p class="soft"><%= it.v.where %></p>
<% for (const [i, { heading, items }] of it.v.sections.entries()) { %>
<section aria-labelledby="section-<%= i %>">
<h2 id="section-<%= i %>"><%= heading %></h2>
<ul><% for (const item of items) { %><li><%= item %></li><% } %></ul>
</section>
<% } %>
<form method="post" action="<%= it.v.action %>/consent">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">
<button name="decision" value="allow"><%= it.t.allow %></button>
<button class="quiet" name="decision" value="refuse"><%= it.t.refuse %></button>
</form>
<div class="who">
<span class="soft"><%= it.t.signedInAs %></span> <strong><%= it.v.account %></strong>
<form method="post" action="<%= it.v.action %>/account">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">
<button class="plain" name="choice" value="another"><%= it.t.another %></button>
</form>
</div>
`;

export const over = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text %></p>
<% if (it.v.link) { %><p><a href="<%= it.v.link %>"><%= it.t.back(it.v.app) %></a></p><% } %>
`;

export const logout = `
<h1><%= it.t.title %></h1>
<p class="soft"><%= it.t.signedInAs %> <strong><%= it.v.account %></strong></p>
<% if (it.v.app) { %><p><%= it.t.leaving(it.v.app) %></p><% } %>
<form method="post" action="<%= it.v.action %>">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">
<button><%= it.t.submit %></button>
</form>
<p class="soft after"><%= it.t.stay %></p>
`;

const hidden = `<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">`;

export const account = `
<h1><%= it.t.title %></h1>
<p class="soft"><% if (it.v.name) { %><%= it.v.name %>, <% } %><%= it.v.email %></p>
<% if (it.v.note) { %><p class="<%= it.v.note.isProblem ? 'problem' : 'done' %>"
 role="<%= it.v.note.isProblem ? 'alert' : 'status' %>" id="note"><%= it.v.note.text %></p><% } %>
<section aria-labelledby="sessions">
<h2 id="sessions"><%= it.t.sessions %></h2>
<ul class="rows">
<% for (const [i, one] of it.v.sessions.entries()) { %>
<li>
<div>
<h3 id="session-<%= i %>"><%= one.device %></h3>
<% if (one.isCurrent) { %><p class="mark"><%= it.t.thisOne %></p><% } %>
<p class="soft"><%= one.seen %> · <%= one.address %></p>
<p class="soft"><%= one.since %></p>
</div>
<form method="post" action="<%= it.v.action %>/session">
${hidden}
<input type="hidden" name="sid" value="<%= one.sid %>">
<button class="small" aria-describedby="session-<%= i %>"><%= it.t.signOut %></button>
</form>
</li>
<% } %>
</ul>
<% if (it.v.sessions.length > 1) { %>
<form method="post" action="<%= it.v.action %>/others">
${hidden}
<button class="quiet"><%= it.t.signOutOthers %></button>
</form>
<% } %>
</section>
<section aria-labelledby="apps">
<h2 id="apps"><%= it.t.apps %></h2>
<% if (it.v.apps.length === 0) { %><p class="soft"><%= it.t.noApps %></p><% } else { %>
<ul class="rows">
<% for (const [i, one] of it.v.apps.entries()) { %>
<li>
<div>
<h3 id="app-<%= i %>"><%= one.name %></h3>
<p class="soft"><%= one.used %></p>
<p class="soft"><%= one.since %></p>
<% for (const { heading, items } of one.sections) { %>
<p class="soft"><%= heading %>: <%= items.join('; ') %></p>
<% } %>
<% if (one.keepsAccess) { %><p class="soft"><%= it.t.keepsAccess %></p><% } %>
</div>
<form method="post" action="<%= it.v.action %>/app">
${hidden}
<input type="hidden" name="client_id" value="<%= one.clientId %>">
<button class="small" aria-describedby="app-<%= i %>"><%= it.t.remove %></button>
</form>
</li>
<% } %>
</ul>
<% } %>
</section>
${emailNotVerified}${accountFactors}
<section aria-labelledby="new-password">
<h2 id="new-password"><%= it.t.password %></h2>
<p class="soft"><%= it.t.passwordText %></p>
<form method="post" action="<%= it.v.action %>/password">
${hidden}
<input type="hidden" name="username" autocomplete="username" value="<%= it.v.email %>">
<label for="current_password"><%= it.t.currentPassword %></label>
<input id="current_password" name="current_password" type="password" autocomplete="current-password" required
 maxlength="4000"<% if (it.v.note?.field === 'current_password') { %> aria-invalid="true" aria-describedby="note"<% } %>>
<label for="new_password"><%= it.t.newPassword %></label>
<input id="new_password" name="new_password" type="password" autocomplete="new-password" required minlength="8"
 maxlength="1000"<% if (it.v.note?.field === 'new_password') { %> aria-invalid="true" aria-describedby="password-rule note"<% } else { %> aria-describedby="password-rule"<% } %>>
<p class="soft hint" id="password-rule"><%= it.t.passwordRule %></p>
<label for="repeated_password"><%= it.t.repeatedPassword %></label>
<input id="repeated_password" name="repeated_password" type="password" autocomplete="new-password" required
 maxlength="1000"<% if (it.v.note?.field === 'repeated_password') { %> aria-invalid="true" aria-describedby="note"<% } %>>
<button><%= it.t.changePassword %></button>
</form>
</section>
`;

export const signedOut = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text %></p>
`;

export const error = `
<h1><%= it.t.title %></h1>
<p role="alert"><%= it.v.text %></p>
<% if (it.v.link) { %><p><a class="button" href="<%= it.v.link.href %>"><%= it.v.link.words %></a></p><% } %>
<details>
<summary><%= it.t.details %></summary>
<p><code><%= it.v.error %></code>: <%= it.v.description %></p>
<p><%= it.t.reference %>: <code><%= it.v.reference %></code></p>
</details>
`;

/** OAuth 2.0 Form Post Response Mode. */
export const formPost = `
<h1><%= it.t.title(it.v.app) %></h1>
<p><%= it.t.text %></p>
<form id="response" method="post" action="<%= it.v.action %>">
<% for (const [name, value] of it.v.parameters) { %>
<input type="hidden" name="<%= name %>" value="<%= value %>">
<% } %>
<button><%= it.t.submit %></button>
</form>
`;
