/** The certificates and keys that the options name: found, and checked before anything relies on them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { ConfigError } from './errors.ts';

/** Paths: whoever serves TLS reads the files itself. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFiles extends CertificateFiles {
  /** By server name (`example.com`, `*.example.com`): what is used instead when a client asks for that name. */
  readonly byName: ReadonlyMap<string, CertificateFiles>;
}

/** The keys that uWebSockets.js takes: a type, or the curve of an EC key. */
const KEY_KINDS: readonly (string | undefined)[] = ['rsa', 'ed25519', 'prime256v1', 'secp384r1', 'secp521r1'];
const SERVER_NAME = /^(?:\*\.)?[a-z\d_-]+(?:\.[a-z\d_-]+)*$/;

/** What the files hold now; null without TLS. Throws `ConfigError`, which names the file, when one cannot be used. */
export function findTlsFiles({ tlsCert, tlsKey, tlsSni }: Config): TlsFiles | null {
  if (tlsCert === null || tlsKey === null) return null;
  const files = { cert: tlsCert, key: tlsKey };
  check(files, '--tls-cert', '--tls-key');
  return { ...files, byName: tlsSni === null ? new Map() : filesByName(tlsSni) };
}

function filesByName(directory: string): Map<string, CertificateFiles> {
  const byName = new Map<string, CertificateFiles>();
  for (const entry of read('--tls-sni', directory, () => readdirSync(directory)).sort()) {
    if (!entry.endsWith('.crt')) continue;
    const cert = join(directory, entry);
    const files = { cert, key: cert.replace(/crt$/, 'key') };
    const names = serverNames(check(files, '--tls-sni', '--tls-sni'));
    if (names.length === 0) throw new ConfigError(`--tls-sni: ${cert} names no server`);
    for (const name of names) {
      const other = byName.get(name);
      if (other) throw new ConfigError(`--tls-sni: ${other.cert} and ${cert} are both for ${name}`);
      byName.set(name, files);
    }
  }
  if (byName.size === 0) throw new ConfigError(`--tls-sni: ${directory} has no NAME.crt with a NAME.key`);
  return byName;
}

/** Both files can be read, and belong to each other. */
function check({ cert, key }: CertificateFiles, certOption: string, keyOption: string): X509Certificate {
  const certText = read(certOption, cert, () => readFileSync(cert));
  const keyText = read(keyOption, key, () => readFileSync(key));
  let certificate: X509Certificate;
  try {
    // Without this, a certificate in DER form would pass here and be refused later.
    if (!certText.includes('-----BEGIN ')) throw new TypeError('not in PEM form');
    certificate = new X509Certificate(certText);
  } catch (cause) {
    throw new ConfigError(`${certOption}: ${cert} is not a certificate in PEM form`, { cause });
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(keyText);
  } catch (cause) {
    throw new ConfigError(`${keyOption}: ${key} is not a private key in PEM form without a passphrase`, {
      cause,
    });
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = privateKey;
  if (!KEY_KINDS.includes(asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType))
    throw new ConfigError(`${keyOption}: ${key} is not an RSA, P-256, P-384, P-521 or Ed25519 key`);
  if (!certificate.checkPrivateKey(privateKey))
    throw new ConfigError(`${keyOption}: ${key} is not the key of the certificate in ${cert}`);
  return certificate;
}

function read<T>(option: string, path: string, readPath: () => T): T {
  try {
    return readPath();
  } catch (cause) {
    throw new ConfigError(`${option}: cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The DNS names that a certificate is for. */
const serverNames = ({ subjectAltName }: X509Certificate): string[] =>
  (subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length).toLowerCase())
    .filter((name) => SERVER_NAME.test(name));
