// The process of the bare server (bench/bare.ts): told by a message what to answer, it replies with its port.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from '../src/keys/signer.ts';
import type { BareTask } from './bare.ts';
import { bareRefreshes } from './bare-refreshes.ts';

/** Signs what stands before the signature in a token answer. */
function signatureOf({ body, alg }: BareTask): (() => Promise<unknown>) | undefined {
  if (alg !== 'RS256' && alg !== 'ES256') return undefined;
  const token = (JSON.parse(body) as { access_token: string }).access_token;
  const input = token.slice(0, token.lastIndexOf('.'));
  const { privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = createSigner();
  return () => signer.sign(alg, privateKey, input);
}

const signed = (body: string, sign: () => Promise<unknown>) => async (_form: string) => {
  await sign();
  return body;
};

process.once('message', (task: BareTask) => {
  const sign = signatureOf(task);
  const headers = [...task.headers];
  const answerTo =
    sign && (task.stores ? bareRefreshes(task.stores, task.body, sign) : signed(task.body, sign));
  const server = createServer((request, response) => {
    const answer = (body: string) => void response.writeHead(200, headers).end(body);
    if (!answerTo) return answer(task.body);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void answerTo(Buffer.concat(chunks).toString()).then(answer));
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});
