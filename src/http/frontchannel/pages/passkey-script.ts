// The one script that a page of ours may have, but for the button of form_post: it asks the browser for a passkey
// (WebAuthn 5.1), puts the answer into the form and sends it. What it cannot do it leaves out of sight: a page works as
// well without it. It is the same text for every page, so that the policy names it by its hash.
export const passkeyScript = `
'use strict';
const passkeys = window.PublicKeyCredential;
if (passkeys && passkeys.parseRequestOptionsFromJSON && passkeys.parseCreationOptionsFromJSON) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    for (const one of document.querySelectorAll('.without-passkeys')) one.hidden = true;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const failed = form.querySelector('.problem');
      failed.hidden = true;
      try {
        const options = JSON.parse(form.dataset.passkey);
        const credential = options.rp
          ? await navigator.credentials.create({ publicKey: passkeys.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: passkeys.parseRequestOptionsFromJSON(options) });
        form.elements.credential.value = JSON.stringify(credential);
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
  }
}
`;
