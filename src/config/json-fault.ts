// Where a text stops being JSON (RFC 8259). JSON.parse's own messages name no place on some versions of Node,
// and quote the text around it, which may be a secret.

const text = String.raw`"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"`;
const number = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const name = new RegExp(text, 'uy');
const scalar = new RegExp(`${text}|${number}|true|false|null`, 'uy');

/** The line and column, from 1, of the first character that cannot belong to a JSON text. */
export function jsonFault(json: string): { line: number; column: number } {
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    if (!pattern.test(json)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const spaced = (read: () => boolean) => take(/[ \t\n\r]*/y) && read() && take(/[ \t\n\r]*/y);
  const value = () =>
    spaced(() => take(scalar) || list(/\{\s*/y, member, /\}/y) || list(/\[\s*/y, value, /\]/y));
  const member = () => spaced(() => take(name)) && take(/:/y) && value();
  const list = (open: RegExp, item: () => boolean, close: RegExp) => {
    if (!take(open)) return false;
    if (take(close)) return true;
    do {
      if (!item()) return false;
    } while (take(/,/y));
    return take(close);
  };
  value();
  const lines = json.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
