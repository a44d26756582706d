// A mail server that keeps what it is given.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Test } from 'tap';

export interface Received {
  readonly to: readonly string[];
  /** as it came over the wire */
  readonly source: string;
  /** the link in it, quoted-printable undone */
  readonly link: string;
}

export interface MailServer {
  readonly url: string;
  readonly received: Received[];
  /** whether it takes anything */
  isDown: boolean;
  /** the address that it knows nobody by */
  refuses: string | undefined;
}

/** On a port of its own; it is closed when the test ends. */
export async function mailServer(t: Test): Promise<MailServer> {
  const received: Received[] = [];
  const house: Pick<MailServer, 'isDown' | 'refuses'> = { isDown: false, refuses: undefined };
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    onRcptTo({ address }, _session, answer) {
      const known = address !== house.refuses;
      answer(known ? null : Object.assign(new Error(`no ${address} here`), { responseCode: 550 }));
    },
    onData(stream, { envelope }, answer) {
      let source = '';
      stream.on('data', (chunk: Buffer) => (source += chunk.toString('utf8')));
      stream.on('end', () => {
        if (house.isDown) return answer(Object.assign(new Error('come again'), { responseCode: 451 }));
        const plain = source.replaceAll('=\r\n', '').replaceAll('=3D', '=');
        const [link = ''] = /https?:\/\/\S+/.exec(plain.slice(plain.indexOf('\r\n\r\n'))) ?? [];
        received.push({ to: envelope.rcptTo.map(({ address }) => address), source, link });
        answer();
      });
    },
  });
  server.on('error', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(house, { url: `smtp://127.0.0.1:${port}`, received });
}
