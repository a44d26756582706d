// Apache's mod_auth_openidc, as Debian ships it, as a relying party that nobody here wrote: it signs a person in, knows
// who it is, signs out, and is told when somebody signs out elsewhere. Apache is a process of the test's own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAccount } from '../../src/accounts/account.ts';
import { type TestBrowser, testBrowser } from '../helpers/browser.ts';
import { goThrough } from '../helpers/code-flow.ts';
import { freePort } from '../helpers/servers.ts';
import { answers, scratchFolder } from '../helpers/service.ts';
import { testServer } from '../helpers/test-server.ts';

const apache = '/usr/sbin/apache2';
const modules = '/usr/lib/apache2/modules';

// In CI a missing Apache is a failure, as a missing store is.
const isThere = existsSync(apache) && existsSync(`${modules}/mod_auth_openidc.so`);
const missing =
  !isThere && process.env.CI !== 'true' && `no ${apache} with mod_auth_openidc (libapache2-mod-auth-openidc)`;

const person = { email: 'ada@example.com', password: 'correct horse battery' };

interface Registered {
  readonly issuer: string;
  readonly client: { readonly client_id: string; readonly client_secret: string };
  readonly port: number;
  readonly responseMode: string;
}

const configOf = (folder: string, { issuer, client, port, responseMode }: Registered): string => `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
ErrorLog ${folder}/error.log
DocumentRoot ${folder}/pages
KeepAlive Off
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'include', 'mime', 'auth_openidc']
  .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  .join('\n')}
TypesConfig /etc/mime.types
DirectoryIndex index.html
# A script is told 401 instead of being sent away; by these two a browser is known, which the fetch of Node cannot send.
RequestHeader set Sec-Fetch-Mode navigate early
RequestHeader set Accept text/html early
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${client.client_id}
OIDCClientSecret ${client.client_secret}
OIDCRedirectURI http://localhost:${port}/inside/callback
OIDCCryptoPassphrase ${randomBytes(16).toString('hex')}
OIDCScope "openid email"
OIDCPKCEMethod S256
OIDCResponseMode ${responseMode}
OIDCRemoteUserClaim email
<Location /inside>
  AuthType openid-connect
  Require valid-user
  Options +Includes
  SetOutputFilter INCLUDES
</Location>
`;

/** Apache with one page that nobody sees who has not signed in, until the test ends; its URL. */
async function startApache(t: Test, registered: Registered): Promise<string> {
  const { folder, remove } = scratchFolder();
  t.teardown(remove);
  // Apache gives up being root, and reads its pages as somebody else.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'pages/inside'), { recursive: true });
  writeFileSync(join(folder, 'pages/inside/index.html'), 'Inside: <!--#echo var="REMOTE_USER" -->');
  writeFileSync(join(folder, 'pages/bye.html'), 'Bye');
  writeFileSync(join(folder, 'apache.conf'), configOf(folder, registered), { mode: 0o600 });
  const child = spawn(apache, ['-X', '-f', join(folder, 'apache.conf')], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const url = `http://localhost:${registered.port}`;
  if (
    !(await answers(
      `${url}/bye.html`,
      () => child.exitCode === null,
      ({ ok }) => ok,
    ))
  ) {
    const log = join(folder, 'error.log');
    throw new Error(
      `Apache did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'it wrote no log'}`,
    );
  }
  return url;
}

t.test('mod_auth_openidc', { skip: missing }, async (t) => {
  const server = await testServer(t);
  const { issuer } = server;
  await createAccount({ ...server.service.house, actor: 'test' }, { ...person, name: 'Ada' });

  for (const responseMode of ['query', 'form_post']) {
    await t.test(`by ${responseMode}`, async (t) => {
      const port = await freePort();
      const own = `http://localhost:${port}`;
      const client = await server.client({
        redirect_uris: [`${own}/inside/callback`],
        post_logout_redirect_uris: [`${own}/bye.html`],
        backchannel_logout_uri: `${own}/inside/callback?logout=backchannel`,
        scope: 'openid email',
        client_name: 'Apache',
      });
      const app = await startApache(t, { issuer, client, port, responseMode });

      /** One browser: what it keeps for the app, and what it keeps for the issuer. */
      async function signedIn(): Promise<{ atApp: TestBrowser; atIssuer: TestBrowser; html: string }> {
        const [atApp, atIssuer] = [testBrowser(app), testBrowser(issuer)];
        const asked = await atApp.go(`${app}/inside/`);
        t.ok(asked.url.startsWith(`${issuer}/authorize?`), 'whoever is nobody is sent to the issuer');
        const answer = await goThrough(atIssuer, await atIssuer.go(asked.url), person);
        const { html } =
          responseMode === 'query'
            ? await atApp.go(answer.url)
            : await atApp.submit(answer, '/inside/callback');
        return { atApp, atIssuer, html };
      }
      const isInside = async (atApp: TestBrowser) =>
        (await atApp.go(`${app}/inside/`)).html.includes('Inside');

      await t.test('a person signs in, and Apache knows who it is', async (t) => {
        const { atApp, html } = await signedIn();
        t.match(html, `Inside: ${person.email}`);
        t.equal(await isInside(atApp), true);
      });

      await t.test('who signs out at the app is signed out at the issuer too, and comes back', async (t) => {
        const { atApp, atIssuer } = await signedIn();
        const leave = `${app}/inside/callback?${new URLSearchParams({ logout: `${app}/bye.html` })}`;
        const asked = await atApp.go(leave);
        t.ok(asked.url.startsWith(`${issuer}/logout?`));
        t.equal((await atIssuer.go(asked.url)).url, `${app}/bye.html`, 'nobody was asked');
        t.equal(await isInside(atApp), false);
        t.match((await atIssuer.go(`${issuer}/account`)).html, 'id="password"');
      });

      await t.test('who signs out at the issuer is signed out at the app, by the back channel', async (t) => {
        const { atApp, atIssuer } = await signedIn();
        const other = await signedIn();
        const asked = await atIssuer.go(`${issuer}/logout`);
        await atIssuer.submit(asked, new URL(asked.url).pathname);
        await server.service.care();
        const told = server.log.findLast((line) => line.clientId === client.client_id && line.attempts);
        t.match(told, { outcome: 'delivered' });
        t.equal(await isInside(atApp), false);
        t.equal(await isInside(other.atApp), true, 'and no other browser of theirs');
      });
    });
  }
});
