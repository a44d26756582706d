// Which language a page is in: `ui_locales` of the request first (OpenID Connect Core 3.1.2.1), then the browser's
// Accept-Language (RFC 9110 12.5.4), then English. A more special wish is met by the language (RFC 4647 3.4).
import type { uiLocales } from '../../oauth/metadata.ts';
import { de } from './texts/de.ts';
import { en, type Texts } from './texts/en.ts';

/** Those that the metadata names. */
const languages: Readonly<Record<(typeof uiLocales)[number], Texts>> = { en, de };

/** More of them than this nobody means. */
const wishLimit = 20;

/** `uiLocales` in order of preference; the header as it came. */
export function textsFor(uiLocales: readonly string[], acceptLanguage: string | undefined): Texts {
  for (const tag of [...uiLocales, ...accepted(acceptLanguage)].slice(0, 2 * wishLimit)) {
    const language = tag.split('-', 1)[0]?.toLowerCase() ?? '';
    if (Object.hasOwn(languages, language)) return languages[language as keyof typeof languages];
  }
  return en;
}

function accepted(header = ''): string[] {
  const wishes = header
    .slice(0, 1_000)
    .split(',')
    .slice(0, wishLimit)
    .map((wish) => {
      const [tag = '', quality] = wish.split(';').map((part) => part.trim());
      return { tag, quality: quality === undefined ? 1 : Number(/^q=([\d.]+)$/i.exec(quality)?.[1] ?? 0) };
    });
  return wishes
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ tag }) => tag);
}
