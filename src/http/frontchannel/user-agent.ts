// A browser in words, for its own person to recognise it by. It is a guess from what the browser says of itself, and
// nothing is decided by it.

/** In this order: most of them say the names of others, too. */
const browsers: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdgi?A?O?S?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/\S+ (?:Mobile\/\S+ )?Safari\//, 'Safari'],
];

const systems: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** What is not recognised is left out. */
export function userAgentNames(userAgent: string): {
  readonly browser: string | undefined;
  readonly system: string | undefined;
} {
  const nameOf = (list: typeof browsers) => list.find(([pattern]) => pattern.test(userAgent))?.[1];
  return { browser: nameOf(browsers), system: nameOf(systems) };
}
