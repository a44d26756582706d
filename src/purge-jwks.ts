// Telling a shared cache to forget the JWKS once a key is revoked: what a CDN serves beyond that is the longest that a
// compromised key is trusted by verifiers that ask again. The operator's own URL, on whatever network it is.

/** Seconds. */
const TIME_LIMIT = 5;

/** POSTs the form `url=JWKS`. Undefined where the answer is 2xx; else what went wrong, without the URL, which is a secret. */
export async function purgeJwks(purgeUrl: string, jwksUri: string): Promise<string | undefined> {
  try {
    const { ok, status } = await fetch(purgeUrl, {
      method: 'POST',
      body: new URLSearchParams({ url: jwksUri }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIME_LIMIT * 1000),
    });
    return ok ? undefined : `the answer has status ${status}`;
  } catch {
    return `there is no answer within ${TIME_LIMIT} s`;
  }
}
