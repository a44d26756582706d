// Mail by SMTP: RFC 5321, RFC 3207, RFC 8314. The rule it keeps: nothing leaves this machine unencrypted, nor to a server
// that cannot show whose it is.
import { createTransport } from 'nodemailer';
import type { SendMail } from './accounts/letters.ts';
import { isLoopbackHost } from './loopback.ts';

export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** Milliseconds: together less than a letter is one replica's alone. */
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
    await transport.sendMail({
      from,
      to: { name: '', address: to },
      subject,
      text,
      // RFC 3834: nobody's absence note answers.
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return {};
  };
}
