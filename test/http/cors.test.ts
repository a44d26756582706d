// What a page of another origin may read, over a real socket.
import t from 'tap';
import { basic, testServer } from '../helpers/test-server.ts';

const server = await testServer(t);
const origin = 'https://spa.example';
const client = await server.client({});
const credentials = basic(client.client_id, client.client_secret);

for (const path of ['/token', '/revoke']) {
  t.test(`a browser that asks first may post to ${path}, and nothing but that`, async (t) => {
    const asked = { origin, 'access-control-request-method': 'POST' };
    const { status, headers } = await fetch(server.issuer + path, { method: 'OPTIONS', headers: asked });
    t.equal(status, 204);
    t.equal(headers.get('access-control-allow-origin'), '*');
    t.equal(headers.get('access-control-allow-methods'), 'POST');
    t.equal(headers.get('access-control-allow-headers'), 'authorization, content-type');
    t.equal(headers.get('access-control-allow-credentials'), null, 'never with cookies');
  });

  t.test(`a page may read why ${path} refuses`, async (t) => {
    const refused = await server.post(path, {}, { origin, ...basic('nobody', 'secret') });
    t.equal(refused.status, 401);
    t.equal(refused.headers.get('access-control-allow-origin'), '*');
    t.equal(refused.headers.get('access-control-expose-headers'), 'WWW-Authenticate, Retry-After');
    t.equal(refused.headers.get('access-control-allow-credentials'), null);
    const unread = await fetch(server.issuer + path, { method: 'POST', body: '{}', headers: { origin } });
    t.equal(unread.status, 400);
    t.equal(unread.headers.get('access-control-allow-origin'), '*', 'also of what was never read');
  });
}

t.test('a page may read its tokens', async (t) => {
  const answer = await server.token({ grant_type: 'client_credentials' }, { origin, ...credentials });
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('access-control-allow-origin'), '*');
});

t.test('no page of another origin reads what is not for it', async (t) => {
  const introspection = await server.post('/introspect', { token: 'x' }, { origin, ...credentials });
  t.equal(introspection.status, 200);
  const others = await Promise.all(
    ['/authorize', '/api/token/', '/forward-auth', '/readyz'].map((path) =>
      fetch(server.issuer + path, { headers: { origin } }),
    ),
  );
  for (const { headers } of [introspection, ...others]) {
    t.equal(headers.get('access-control-allow-origin'), null);
  }
});
