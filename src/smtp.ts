// Mail by SMTP: RFC 5321, RFC 3207, RFC 8314. The rule it keeps: nothing leaves this machine unencrypted, nor to a server
// that cannot show whose it is.
import { createTransport } from 'nodemailer';
import { MailRefusedError, type SendMail } from './accounts/letters.ts';
import { isLoopbackHost } from './loopback.ts';
import { within } from './within.ts';

export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** Seconds: less than a letter is one replica's alone. */
const DELIVERY_LIFETIME = 20;

/** Milliseconds. */
const timeouts = {
  dnsTimeout: 5_000,
  connectionTimeout: 5_000,
  greetingTimeout: 5_000,
  socketTimeout: 10_000,
} as const;

/** `url`: smtp://user:password@host:587, or smtps:// for TLS from the first byte. */
export function smtpMailer(url: string, from: Sender): SendMail {
  const { protocol, hostname, port, username, password } = new URL(url);
  const isSecure = protocol === 'smtps:';
  const transport = createTransport({
    ...timeouts,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isSecure ? 465 : 587) : Number(port),
    secure: isSecure,
    requireTLS: !isLoopbackHost(hostname),
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ to, subject, text }) => {
    const delivery = transport.sendMail({
      from,
      to: { name: '', address: to },
      subject,
      text,
      // RFC 3834: nobody's absence note answers.
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    await within(DELIVERY_LIFETIME, delivery).catch((error: unknown) => {
      throw withoutWords(error);
    });
    return {};
  };
}

/** The server's own words may repeat the address, and are told to the log. */
function withoutWords(error: unknown): Error {
  const { code = 'no answer', responseCode } = error as { code?: string; responseCode?: number };
  const told = `the mail server: ${[code, responseCode].filter(Boolean).join(' ')}`;
  // RFC 5321 4.2.1: 5yz is for good; of who we are, though, an operator may think again.
  const isForGood = code === 'EENVELOPE' && responseCode !== undefined && responseCode >= 500;
  return isForGood ? new MailRefusedError(told) : new Error(told);
}
