// The pages of second factors, as templates; templates.ts says what stands where.

/** A form that a script brings to life. */
const passkeyForm = (button: string): string => `
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="credential" value="">
<p class="problem" role="alert" hidden><%= it.t.passkeyFailed %></p>
${button}`;

/** Beside the password. */
export const passkeySignIn = `
<% if (it.v.passkey) { %>
<form method="post" action="<%= it.v.action %>/passkey" data-passkey="<%= it.v.passkey %>" hidden>
${passkeyForm('<button class="quiet"><%= it.t.passkeySignIn %></button>')}
</form>
<% } %>
`;

export const secondFactor = `
<h1><%= it.t.title %></h1>
<p class="soft"><%= it.t.to(it.v.app) %></p>
<p><%= it.t.text %></p>
<% if (it.v.problem) { %><p class="problem" role="alert" id="problem"><%= it.v.problem %></p><% } %>
<% if (it.v.passkey) { %>
<form method="post" action="<%= it.v.action %>/passkey" data-passkey="<%= it.v.passkey %>" hidden>
${passkeyForm('<button><%= it.t.usePasskey %></button>')}
</form>
<% if (!it.v.hasTotp) { %><p class="without-passkeys"><%= it.t.passkeyNeedsScript %></p><% } %>
<% } %>
<% if (it.v.hasTotp) { %>
<form method="post" action="<%= it.v.action %>/code">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<label for="code"><%= it.t.code %></label>
<input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="20"
<% if (it.v.problem) { %> aria-describedby="problem code-hint" aria-invalid="<%= it.v.isWrong %>"<% } else { %> aria-describedby="code-hint"<% } %> autofocus>
<p class="soft hint" id="code-hint"><%= it.t.codeHint %></p>
<button><%= it.t.submit %></button>
</form>
<% } %>
<% if (it.v.hasRecoveryCodes) { %>
<details<% if (!it.v.hasTotp && !it.v.passkey) { %> open<% } %>>
<summary><%= it.t.useRecoveryCode %></summary>
<form method="post" action="<%= it.v.action %>/code">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<label for="recovery-code"><%= it.t.recoveryCode %></label>
<input id="recovery-code" name="code" type="text" autocomplete="off" autocapitalize="none" autocorrect="off"
 spellcheck="false" required maxlength="60">
<button class="quiet"><%= it.t.submit %></button>
</form>
</details>
<% } %>
<div class="who">
<span class="soft"><%= it.t.as %></span> <strong><%= it.v.account %></strong>
<form method="post" action="<%= it.v.action %>/start-over">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<button class="plain"><%= it.t.startOver %></button>
</form>
<% if (it.v.isStepUp) { %>
<form method="post" action="<%= it.v.action %>/give-up">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<button class="plain"><%= it.t.giveUp(it.v.app) %></button>
</form>
<% } %>
</div>
`;

export const enrol = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text(it.v.app) %></p>
<p><a class="button" href="<%= it.v.accountUri %>" target="_blank" rel="noopener"><%= it.t.setUp %></a></p>
<p class="soft"><%= it.t.comeBack %></p>
<p><a class="button quiet" href="<%= it.v.action %>"><%= it.t.goOn %></a></p>
<form method="post" action="<%= it.v.action %>/give-up">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<button class="plain"><%= it.t.giveUp(it.v.app) %></button>
</form>
`;

const hidden = `<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">`;

/** A section of the account page. */
export const accountFactors = `
<section aria-labelledby="factors">
<h2 id="factors"><%= it.t.factors.title %></h2>
<p class="soft"><%= it.v.factors.isOn ? it.t.factors.on : it.t.factors.off %></p>
<% if (!it.v.factors.isRecent) { %>
<p class="soft"><%= it.t.factors.again %></p>
<p><a class="button small" href="<%= it.v.action %>?again=1"><%= it.t.factors.signInAgain %></a></p>
<% } %>
<ul class="rows">
<li>
<div>
<h3 id="totp"><%= it.t.factors.totp %></h3>
<p class="soft"><%= it.v.factors.totpSince ?? it.t.factors.totpOff %></p>
</div>
<% if (it.v.factors.isRecent) { %>
<form method="post" action="<%= it.v.action %>/<%= it.v.factors.totpSince ? 'totp-remove' : 'totp' %>">
${hidden}
<button class="small" aria-describedby="totp"><%= it.v.factors.totpSince ? it.t.factors.remove : it.t.factors.setUp %></button>
</form>
<% } %>
</li>
<% for (const [i, one] of it.v.factors.passkeys.entries()) { %>
<li>
<div>
<h3 id="passkey-<%= i %>"><%= it.t.factors.passkey(one.name) %></h3>
<p class="soft"><%= one.used %></p>
<p class="soft"><%= one.since %></p>
</div>
<% if (it.v.factors.isRecent) { %>
<form method="post" action="<%= it.v.action %>/passkey-remove">
${hidden}
<input type="hidden" name="id" value="<%= one.id %>">
<button class="small" aria-describedby="passkey-<%= i %>"><%= it.t.factors.remove %></button>
</form>
<% } %>
</li>
<% } %>
<% if (it.v.factors.isOn) { %>
<li>
<div>
<h3 id="recovery"><%= it.t.factors.recovery %></h3>
<p class="soft"><%= it.t.factors.left(it.v.factors.recoveryCodes) %></p>
</div>
<% if (it.v.factors.isRecent) { %>
<form method="post" action="<%= it.v.action %>/recovery-codes">
${hidden}
<button class="small" aria-describedby="recovery"><%= it.t.factors.renew %></button>
</form>
<% } %>
</li>
<% } %>
</ul>
<% if (it.v.factors.isRecent && it.v.factors.mayHavePasskeys) { %>
<p><a class="button small" href="<%= it.v.action %>/passkey"><%= it.t.factors.addPasskey %></a></p>
<% } %>
</section>
`;

export const totpSetUp = `
<h1><%= it.t.title %></h1>
<p><%= it.t.scan %></p>
<div class="qr" role="img" aria-label="<%= it.t.qr %>"><%~ it.v.qr %></div>
<p><%= it.t.type %></p>
<p><code id="secret"><%= it.v.secret %></code></p>
<% if (it.v.problem) { %><p class="problem" role="alert" id="problem"><%= it.v.problem %></p><% } %>
<form method="post" action="<%= it.v.action %>/totp-confirm">
${hidden}
<label for="code"><%= it.t.code %></label>
<input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="20"
<% if (it.v.problem) { %> aria-describedby="problem" aria-invalid="true"<% } %>>
<button><%= it.t.submit %></button>
</form>
<p class="soft after"><a href="<%= it.v.action %>"><%= it.t.back %></a></p>
`;

export const passkeySetUp = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text %></p>
<p class="without-passkeys problem"><%= it.t.needsScript %></p>
<form method="post" action="<%= it.v.action %>/passkey-add" data-passkey="<%= it.v.passkey %>" hidden>
${hidden}
<input type="hidden" name="credential" value="">
<input type="hidden" name="handle" value="<%= it.v.handle %>">
<p class="problem" role="alert" hidden><%= it.t.failed %></p>
<label for="name"><%= it.t.name %></label>
<input id="name" name="name" type="text" autocomplete="off" required maxlength="60" value="<%= it.v.name %>"
 aria-describedby="name-hint">
<p class="soft hint" id="name-hint"><%= it.t.nameHint %></p>
<button><%= it.t.submit %></button>
</form>
<p class="soft after"><a href="<%= it.v.action %>"><%= it.t.back %></a></p>
`;

export const recoveryCodes = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text %></p>
<ol class="codes"><% for (const code of it.v.codes) { %><li><code><%= code %></code></li><% } %></ol>
<p><strong><%= it.t.once %></strong></p>
<p><a class="button" href="<%= it.v.action %>"><%= it.t.done %></a></p>
`;
