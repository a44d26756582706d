// E-mail addresses: as browsers accept them in <input type=email> (WHATWG HTML 4.10.5.1.5), within the lengths of
// RFC 5321 4.5.3.1. Whether mail arrives there is for a message to find out, not for a pattern.

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const address = new RegExp(`^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${label}(?:\\.${label})*$`);

export const isEmail = (text: string): boolean => text.length <= 254 && address.test(text);
