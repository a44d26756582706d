// How the pages look: one sheet for all, inside every page, since nothing is loaded from anywhere. Contrast is that of
// WCAG 2.2 AA (1.4.3, 1.4.11), in light and dark; the issuer's colour is behind text of whichever of black and white
// stands out from it more.

/** `colour` as `#rrggbb`. */
export const styleOf = (colour: string): string => `
:root { color-scheme: light dark; --accent: ${colour}; --on-accent: ${inkOn(colour)};
  --ground: #f4f4f1; --paper: #ffffff; --ink: #1b1d21; --soft: #50555c; --edge: #d9d9d4; --field: #74797f;
  --bad: #9c1219; --bad-ground: #fdeeee; }
@media (prefers-color-scheme: dark) { :root { --ground: #131518; --paper: #1d2024; --ink: #eceded; --soft: #b3b8bf;
  --edge: #34383e; --field: #8d939b; --bad: #ffb3ae; --bad-ground: #3b1b1d; } }
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); display: flex;
  flex-direction: column; align-items: center; padding: 1.5rem 1rem 2rem; }
header { width: 100%; max-width: 26rem; padding: 0 0.25rem 1.25rem; }
header p { margin: 0; font-weight: 600; }
header p::before { content: ""; display: inline-block; width: 0.75rem; height: 0.75rem; margin-right: 0.625rem;
  border-radius: 50%; background: var(--accent); border: 1px solid var(--field); }
header img { display: block; max-width: 12rem; max-height: 3rem; }
main img.app { display: block; max-width: 8rem; max-height: 3rem; margin: 0 0 0.75rem; }
main { width: 100%; max-width: 26rem; background: var(--paper); border: 1px solid var(--edge);
  border-radius: 0.75rem; padding: 1.5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.25rem; }
h2 { font-size: 1rem; margin: 1.5rem 0 0.375rem; }
p { margin: 0 0 1rem; }
.soft { color: var(--soft); }
ul { margin: 0; padding-left: 1.25rem; }
li { margin: 0.25rem 0; }
form { margin: 1.5rem 0 0; }
form + .after { margin: 1rem 0 0; }
form + form { margin-top: 0.75rem; }
label { display: block; font-weight: 600; margin: 0 0 0.375rem; }
input { width: 100%; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--field);
  border-radius: 0.5rem; padding: 0.625rem 0.75rem; margin: 0 0 1.125rem; min-height: 2.875rem; }
input[aria-invalid="true"] { border-color: var(--bad); border-width: 2px; }
button, .button { display: block; width: 100%; font: inherit; font-weight: 600; text-align: center;
  text-decoration: none; cursor: pointer; border-radius: 0.5rem; padding: 0.625rem 1rem; min-height: 2.875rem;
  margin: 0.375rem 0 0; background: var(--accent); color: var(--on-accent); border: 1px solid var(--field); }
button.quiet { background: transparent; color: inherit; margin-top: 0.75rem; }
button.plain { background: none; border: 0; color: inherit; text-decoration: underline; font-weight: 400;
  text-align: left; padding: 0.25rem 0; min-height: 1.75rem; width: auto; margin: 0; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
.problem { background: var(--bad-ground); color: var(--bad); border-left: 4px solid var(--bad);
  border-radius: 0.25rem; padding: 0.625rem 0.75rem; margin: 1rem 0 0; }
.who { display: flex; flex-wrap: wrap; gap: 0 0.375rem; margin: 1.25rem 0 0; padding-top: 1rem;
  border-top: 1px solid var(--edge); }
.who form { margin: 0; flex-basis: 100%; }
form[data-passkey] + form { margin-top: 1.5rem; }
a.button.quiet { background: transparent; color: inherit; }
a.button.small { display: inline-block; width: auto; background: transparent; color: inherit; }
.qr { width: 13rem; max-width: 100%; margin: 0 auto 1rem; padding: 0.5rem; background: #ffffff; border-radius: 0.5rem; }
.qr svg { display: block; width: 100%; height: auto; }
.codes { padding-left: 2rem; }
.codes code, #secret { font-size: 1.0625rem; }
h3 { font-size: 1rem; margin: 0; }
.done { border-left: 4px solid var(--accent); padding: 0.625rem 0.75rem; margin: 1rem 0 0; }
.rows { list-style: none; padding: 0; }
.rows li { display: flex; flex-wrap: wrap; gap: 0.75rem 1rem; justify-content: space-between; align-items: flex-start;
  margin: 0; padding: 0.875rem 0; border-top: 1px solid var(--edge); }
.rows li > div { flex: 1 1 14rem; min-width: 0; }
.rows p { margin: 0; font-size: 0.9375rem; }
.rows form { margin: 0; }
.rows .mark { font-weight: 600; }
button.small { width: auto; min-height: 2.75rem; margin: 0; background: transparent; color: inherit; }
.hint { margin: -0.75rem 0 1.125rem; font-size: 0.9375rem; }
.wide h2 { font-size: 1.25rem; margin-top: 2.25rem; }
.wide section > form { max-width: 24rem; }
.wide header, .wide main { max-width: 44rem; }
pre { font: 0.875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap;
  background: var(--ground); border: 1px solid var(--edge); border-radius: 0.5rem; padding: 0.625rem 0.75rem;
  margin: 0.375rem 0 1rem; }
details { margin-top: 1.25rem; color: var(--soft); }
details code { font-size: 0.875rem; }
summary { cursor: pointer; padding: 0.25rem 0; }
@media (min-width: 40rem) { body { padding-top: 12vh; } body.wide { padding-top: 2rem; } main { padding: 2rem; } }
`;

/** WCAG 2.2, relative luminance and contrast ratio: black where it stands out more, else white. */
function inkOn(colour: string): '#000000' | '#ffffff' {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000000' : '#ffffff';
}
