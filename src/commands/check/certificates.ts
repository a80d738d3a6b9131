/** What is in the certificates that a server would use. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../../config.ts';
import { findTlsFiles } from '../../tls-files.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A certificate that ends sooner should have been renewed. */
const SOON_DAYS = 21;

export interface CertificateReport {
  readonly file: string;
  /** `CN=example.com`. */
  readonly subject: string;
  /** `DNS:example.com, DNS:*.example.com`. */
  readonly names: string;
  /** ISO 8601. */
  readonly validFrom: string;
  readonly validTo: string;
  /** What is wrong with its time; null when nothing is. A server starts with such a certificate, and clients refuse it. */
  readonly warning: string | null;
}

/** Empty without TLS. Throws `ConfigError` for a file that cannot be used. */
export function reportCertificates(config: Config): CertificateReport[] {
  const files = findTlsFiles(config);
  if (files === null) return [];
  const paths = new Set([files, ...files.byName.values()].map(({ cert }) => cert));
  return [...paths].map(reportOf);
}

function reportOf(file: string): CertificateReport {
  const { subject, subjectAltName, validFrom, validTo } = new X509Certificate(readFileSync(file));
  const from = new Date(validFrom);
  const to = new Date(validTo);
  return {
    file,
    subject: (subject ?? '').replaceAll('\n', ', '),
    names: subjectAltName ?? '',
    validFrom: from.toISOString(),
    validTo: to.toISOString(),
    warning: warningOf(from.getTime(), to.getTime()),
  };
}

function warningOf(from: number, to: number): string | null {
  const days = Math.floor((to - Date.now()) / DAY_MS);
  if (from > Date.now()) return 'is not valid yet';
  if (days < 0) return 'has expired';
  return days < SOON_DAYS ? `expires in ${days} days` : null;
}
