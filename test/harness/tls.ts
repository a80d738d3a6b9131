/**
 * Certificates of test/fixtures/tls, and TLS clients. `one` is for one.test and *.one.test, `two` for two.test and *.two.test; both
 * are signed by themselves, with P-256 keys, and valid from 2020 to 2120.
 */
import { readFileSync } from 'node:fs';
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

export const TLS_DIRECTORY = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));

export type CertificateName = 'one' | 'two';

const certFile = (name: CertificateName): string => `${TLS_DIRECTORY}${name}.crt`;

/** Options of a server that has this certificate. */
export const tlsOptions = (name: CertificateName): { tlsCert: string; tlsKey: string } => ({
  tlsCert: certFile(name),
  tlsKey: `${TLS_DIRECTORY}${name}.key`,
});

/** Options of a TLS client. */
export interface Trust {
  readonly ca: Buffer;
  readonly servername: string;
}

/** A client that accepts this certificate and no other, for the name that it asks for. */
export const trusting = (name: CertificateName, servername = `${name}.test`): Trust => ({
  ca: readFileSync(certFile(name)),
  servername,
});

export interface Handshake {
  readonly version: SecureVersion;
  /** Common name of the server's certificate. */
  readonly certificate: string;
}

/** A TLS handshake, whatever the certificate. Rejects when it fails. */
export function tlsHandshake(
  port: number,
  options: { version?: SecureVersion; servername?: string } = {},
): Promise<Handshake> {
  const { version, servername } = options;
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      // Node itself refuses the old versions, unless it is told otherwise.
      ciphers: 'DEFAULT@SECLEVEL=0',
      ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
      ...(servername === undefined ? {} : { servername }),
    });
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate().subject.CN;
      resolve({ version: socket.getProtocol() as SecureVersion, certificate: String(certificate) });
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server ended the TLS handshake')));
  });
}
