// A browser as far as the protocol goes: cookies, redirects and forms, over a real socket, without scripts.

export interface Page {
  /** where the browser stands; the client's redirect URI where it was sent there */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
}

export interface TestBrowser {
  readonly cookies: Map<string, string>;
  /** Every Set-Cookie that came, as it came. */
  readonly setCookies: string[];
  /** GETs, and follows redirects as long as they stay at the issuer. */
  go(url: string, headers?: Record<string, string>): Promise<Page>;
  /** Presses the button of the form whose action ends in `action`: what is hidden goes along. */
  submit(page: Page, action: string, fields?: Record<string, string>): Promise<Page>;
  /** POSTs a form, and follows as `go` does. */
  post(url: string, fields: Record<string, string>): Promise<Page>;
}

/** A browser that knows nobody yet. */
export function testBrowser(issuer: string): TestBrowser {
  const { origin } = new URL(issuer);
  const cookies = new Map<string, string>();
  const setCookies: string[] = [];

  async function ask(url: string, init: RequestInit = {}): Promise<Page> {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { ...init.headers, ...(cookie !== '' && { cookie }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      setCookies.push(line);
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split('=');
      if (attributes.includes('Max-Age=0')) cookies.delete(name);
      else cookies.set(name, value);
    }
    const html = await response.text();
    const location = response.headers.get('location');
    if (location === null) return { url, status: response.status, headers: response.headers, html };
    const next = new URL(location, url);
    if (next.origin === origin) return ask(next.href, { headers: init.headers ?? {} });
    return { url: location, status: response.status, headers: response.headers, html };
  }

  const post: TestBrowser['post'] = (url, fields) =>
    ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  return {
    cookies,
    setCookies,
    go: (url, headers = {}) => ask(url, { headers }),
    post,
    submit(page, action, fields = {}) {
      const { url, hidden } = formOf(page, action);
      return post(url, { ...hidden, ...fields });
    },
  };
}

/** The form of a page whose action ends in `action`, with its hidden fields. Throws where there is none. */
export function formOf({ html, url }: Page, action: string): { url: string; hidden: Record<string, string> } {
  for (const [, target = '', inner = ''] of html.matchAll(
    /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g,
  )) {
    if (!plain(target).endsWith(action)) continue;
    const inputs = inner.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
    const hidden = [...inputs].map(([, name = '', value = '']) => [plain(name), plain(value)]);
    return { url: new URL(plain(target), url).href, hidden: Object.fromEntries(hidden) };
  }
  throw new Error(`no form to ${action} in ${html}`);
}

const plain = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
