// The pages of letters, as templates; templates.ts says what stands where.

/** Under the form to sign in by. */
export const waysIn = `
<% if (it.v.ways.new_password) { %><p class="after"><a href="<%= it.v.ways.new_password %>"><%= it.t.forgotten %></a></p><% } %>
<% if (it.v.ways.sign_up) { %><p class="after"><a href="<%= it.v.ways.sign_up %>"><%= it.t.signUp %></a></p><% } %>
`;

export const letter = `
<h1><%= it.t.title %></h1>
<p><%= it.t.text %></p>
<% if (it.v.problem) { %><p class="problem" role="alert" id="problem"><%= it.v.problem %></p><% } %>
<form method="post" action="<%= it.v.action %>">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<% if (it.v.interaction) { %><input type="hidden" name="interaction" value="<%= it.v.interaction %>"><% } %>
<label for="email"><%= it.t.email %></label>
<input id="email" name="email" type="email" autocomplete="email" required maxlength="254" autofocus
 value="<%= it.v.email %>"<% if (it.v.problem) { %> aria-describedby="problem" aria-invalid="<%= it.v.isWrong %>"<% } %>>
<button><%= it.t.submit %></button>
</form>
`;

export const letterSent = `
<h1><%= it.t.title %></h1>
<p role="status"><%= it.t.text %></p>
<p class="soft"><%= it.t.nothing %></p>
`;

export const ticket = `
<h1><%= it.t.title %></h1>
<p class="soft"><%= it.v.email %></p>
<p><%= it.t.text %></p>
<% if (it.v.note) { %><p class="problem" role="alert" id="note"><%= it.v.note.text %></p><% } %>
<form method="post" action="<%= it.v.action %>">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="ticket" value="<%= it.v.ticket %>">
<% if (it.v.asksPassword) { %>
<input type="hidden" name="username" autocomplete="username" value="<%= it.v.email %>">
<label for="new_password"><%= it.t.password %></label>
<input id="new_password" name="new_password" type="password" autocomplete="new-password" required minlength="8"
 maxlength="1000" autofocus<% if (it.v.note?.field === 'new_password') { %> aria-invalid="true" aria-describedby="password-rule note"<% } else { %> aria-describedby="password-rule"<% } %>>
<p class="soft hint" id="password-rule"><%= it.t.passwordRule %></p>
<label for="repeated_password"><%= it.t.repeatedPassword %></label>
<input id="repeated_password" name="repeated_password" type="password" autocomplete="new-password" required
 maxlength="1000"<% if (it.v.note?.field === 'repeated_password') { %> aria-invalid="true" aria-describedby="note"<% } %>>
<% } %>
<button><%= it.t.submit %></button>
</form>
`;

/** On the account page, where the address was not verified. */
export const emailNotVerified = `
<% if (it.v.mayVerifyEmail) { %>
<section aria-labelledby="email">
<h2 id="email"><%= it.t.verifyEmail.title %></h2>
<p class="soft"><%= it.t.verifyEmail.text %></p>
<form method="post" action="<%= it.v.action %>/verify-email">
<input type="hidden" name="csrf_token" value="<%= it.v.csrfToken %>">
<input type="hidden" name="session" value="<%= it.v.session %>">
<button class="quiet"><%= it.t.verifyEmail.submit %></button>
</form>
</section>
<% } %>
`;
