// Which redirect URI a request may name: RFC 6749 3.1.2.3, RFC 9700 2.1, RFC 8252 7.3. The rule it keeps: it is
// compared as text, and only an app on a loopback address may have another port than the one it is registered with.

/** The literals alone: `localhost` may be somebody else's name for something else (RFC 8252 8.3). */
const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/;
const withoutPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?=[/?]|$)/;

/** Whether `presented` is one of those registered. */
export function isRegisteredRedirectUri(presented: string, registered: readonly string[]): boolean {
  if (registered.includes(presented)) return true;
  // A number that is no port makes it no URL.
  if (!loopback.test(presented) || !URL.canParse(presented)) return false;
  return registered.some((one) => portless(one) === portless(presented));
}

/** The URI with the port of a loopback address taken away; any other URI is left as it is. */
function portless(uri: string): string {
  return withoutPort.test(uri) ? uri : uri.replace(loopback, '$1');
}
