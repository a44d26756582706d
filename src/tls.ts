// Serving https without a proxy: the certificate and its key, read at start and again when they change.
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:http';
import { createSecureContext } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from './config.ts';
import { OperatorError } from './operator-error.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM, as node:https takes it. */
export interface TlsContents {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Seconds between two looks: stat is asked, since a mounted secret is replaced by a link that inotify misses. */
const LOOK_INTERVAL = 1;

/** Undefined where http is served. */
export const tlsFilesOf = ({ tls_cert, tls_key }: Config): TlsFiles | undefined =>
  tls_cert && tls_key ? { certFile: tls_cert, keyFile: tls_key } : undefined;

/** Throws OperatorError where a file cannot be read, or where the two do not belong together. */
export function readTls({ certFile, keyFile }: TlsFiles): TlsContents {
  try {
    const contents = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    createSecureContext(contents);
    return contents;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new OperatorError(
      `cannot serve https with tls_cert ${certFile} and tls_key ${keyFile}: ${reason}; give a PEM certificate chain and its private key`,
      1,
      { cause },
    );
  }
}

/**
 * A renewed certificate serves the next connection; while the files cannot be used the old one serves on. Returns what
 * ends the watch.
 */
export function renewTls(server: Server, files: TlsFiles, log: FastifyBaseLogger): () => void {
  const names = [files.certFile, files.keyFile];
  const renew = () => {
    try {
      if ('setSecureContext' in server)
        (server as import('node:https').Server).setSecureContext(readTls(files));
      log.info(files, 'the TLS files have changed: the new certificate is served');
    } catch (error) {
      // One file is replaced before the other, so this may be over in a moment.
      log.error(
        { err: error },
        'the TLS files have changed and cannot be used: the old certificate is served on',
      );
    }
  };
  for (const name of names) watchFile(name, { interval: LOOK_INTERVAL * 1000, persistent: false }, renew);
  return () => {
    for (const name of names) unwatchFile(name, renew);
  };
}
