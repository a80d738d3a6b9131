/** TLS files that change, that are many, or that cannot be used. */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { runCommand } from '../harness/command.ts';
import { FixtureServer } from '../harness/fixture-server.ts';
import { ServerProcess } from '../harness/server-process.ts';
import { type CertificateName, TLS_DIRECTORY, tlsHandshake, tlsOptions, trusting } from '../harness/tls.ts';

const LOOPS = 3;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'polyloop-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const inDirectory = (name: string): string => join(directory, name);

/** Puts a certificate and its key into the directory, under another name. */
function place(certificate: CertificateName, name: string): void {
  for (const end of ['crt', 'key'])
    copyFileSync(`${TLS_DIRECTORY}${certificate}.${end}`, inDirectory(`${name}.${end}`));
}

const files = () => ({ tlsCert: inDirectory('server.crt'), tlsKey: inDirectory('server.key') });
const flags = (): string[] => [
  '--tls-cert',
  inDirectory('server.crt'),
  '--tls-key',
  inDirectory('server.key'),
];

/** The certificates that twice as many clients as there are loops get. */
async function certificates(port: number): Promise<Set<string>> {
  const handshakes = await Promise.all(Array.from({ length: 2 * LOOPS }, () => tlsHandshake(port)));
  return new Set(handshakes.map(({ certificate }) => certificate));
}

describe.each(['primary', 'reuseport'] as const)('a reload with --accept %s', (accept) => {
  let server: FixtureServer;

  beforeEach(async () => {
    place('one', 'server');
    server = await FixtureServer.demo({ ...files(), accept, workers: LOOPS });
  });
  afterEach(() => server.close());

  it('serves with the new certificate, and never again with the old one, when the files have changed', async () => {
    expect(await certificates(server.port)).toEqual(new Set(['one.test']));
    place('two', 'server');
    expect(await certificates(server.port)).toEqual(new Set(['one.test']));
    await server.server.reload();
    expect(await certificates(server.port)).toEqual(new Set(['two.test']));
  });

  it('is refused, and the old certificate serves on, when the new files do not belong together', async () => {
    copyFileSync(`${TLS_DIRECTORY}two.crt`, inDirectory('server.crt'));
    await expect(server.server.reload()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await certificates(server.port)).toEqual(new Set(['one.test']));
  });
});

describe('a directory of certificates', () => {
  it('gives each server name its own, in its place or below it, and other clients the first one', async () => {
    place('two', 'another');
    const server = await FixtureServer.demo({
      ...tlsOptions('one'),
      tlsSni: directory,
    });
    const certificateFor = async (servername?: string): Promise<string> =>
      (await tlsHandshake(server.port, servername === undefined ? {} : { servername })).certificate;
    expect(await certificateFor('two.test')).toBe('two.test');
    expect(await certificateFor('a.two.test')).toBe('two.test');
    expect(await certificateFor('a.b.two.test')).toBe('one.test');
    expect(await certificateFor('one.test')).toBe('one.test');
    expect(await certificateFor('elsewhere.test')).toBe('one.test');
    expect(await certificateFor()).toBe('one.test');
    await server.close();
  });

  it('serves the same app under every name, and reads what was added when the server reloads', async () => {
    place('one', 'another');
    const server = await FixtureServer.demo({ ...tlsOptions('one'), tlsSni: directory });
    const url = `wss://127.0.0.1:${server.port}/echo`;
    const echoAs = async (name: CertificateName, servername: string): Promise<void> => {
      const client = await Client.open(url, [], trusting(name, servername));
      client.send(servername);
      expect(await client.next()).toBe(servername);
      client.socket.terminate();
    };
    await echoAs('one', 'one.test');
    await echoAs('one', 'a.one.test');
    await expect(echoAs('two', 'two.test')).rejects.toThrow();
    place('two', 'added');
    await server.server.reload();
    await echoAs('two', 'two.test');
    await echoAs('two', 'a.two.test');
    await echoAs('one', 'one.test');
    await server.close();
  });

  /** Recorded: docs/platform-limits.md. */
  it('makes uWebSockets.js print the names on standard output, and nothing else', async () => {
    place('one', 'server');
    const server = await ServerProcess.start(...flags(), '--tls-sni', TLS_DIRECTORY, '--workers', '1');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.torn.length).toBeGreaterThan(0);
    for (const line of server.torn)
      expect(line).toMatch(/^(finding|Browsed to SNI:) (\*\.)?(one|two)\.test$/);
  });
});

describe('the command refuses to start in one line', () => {
  /** What it says, without the name of the program. */
  async function refusalOf(...args: string[]): Promise<string> {
    const { code, signal, stdout, errors } = await runCommand([
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      ...args,
    ]);
    expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' });
    expect(errors, errors.join('\n')).toHaveLength(1);
    return (errors[0] ?? '').replace(/^polyloop: /, '');
  }

  it('when one of certificate and key is missing', async () => {
    place('one', 'server');
    expect(await refusalOf('--tls-cert', inDirectory('server.crt'))).toBe('--tls-cert: needs --tls-key too');
    expect(await refusalOf('--tls-key', inDirectory('server.key'))).toBe('--tls-key: needs --tls-cert too');
    expect(await refusalOf('--tls-sni', directory)).toContain(
      '--tls-sni: needs --tls-cert and --tls-key too',
    );
  });

  it('when a file cannot be read', async () => {
    expect(await refusalOf(...flags())).toContain(
      `--tls-cert: cannot read ${inDirectory('server.crt')}: ENOENT`,
    );
    place('one', 'server');
    rmSync(inDirectory('server.key'));
    expect(await refusalOf(...flags())).toContain(
      `--tls-key: cannot read ${inDirectory('server.key')}: ENOENT`,
    );
    expect(await refusalOf('--tls-cert', directory, '--tls-key', directory)).toContain(
      `--tls-cert: cannot read ${directory}: EISDIR`,
    );
  });

  it.each(['', 'nonsense', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'when a file holds something else: %j',
    async (text) => {
      place('one', 'server');
      writeFileSync(inDirectory('server.key'), text);
      expect(await refusalOf(...flags())).toContain(
        `--tls-key: ${inDirectory('server.key')} is not a private key`,
      );
      writeFileSync(inDirectory('server.crt'), text);
      expect(await refusalOf(...flags())).toContain(
        `--tls-cert: ${inDirectory('server.crt')} is not a certificate`,
      );
    },
  );

  it('when certificate and key do not belong together', async () => {
    place('one', 'server');
    copyFileSync(`${TLS_DIRECTORY}two.key`, inDirectory('server.key'));
    expect(await refusalOf(...flags())).toBe(
      `--tls-key: ${inDirectory('server.key')} is not the key of the certificate in ${inDirectory('server.crt')}`,
    );
  });

  it('when the key has a passphrase, or is of a kind that cannot be used', async () => {
    place('one', 'server');
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const locked = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      ...pem,
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    writeFileSync(inDirectory('server.key'), locked);
    expect(await refusalOf(...flags())).toContain('without a passphrase');
    writeFileSync(inDirectory('server.key'), generateKeyPairSync('x25519').privateKey.export(pem));
    expect(await refusalOf(...flags())).toContain('is not an RSA, P-256, P-384, P-521 or Ed25519 key');
  });

  it('when the directory of certificates is missing, empty, incomplete or ambiguous', async () => {
    place('one', 'server');
    const empty = mkdtempSync(inDirectory('empty-'));
    const sni = (path: string): string[] => [...flags(), '--tls-sni', path];
    const missing = inDirectory('missing');
    expect(await refusalOf(...sni(missing))).toContain(`--tls-sni: cannot read ${missing}: ENOENT`);
    expect(await refusalOf(...sni(empty))).toBe(`--tls-sni: ${empty} has no NAME.crt with a NAME.key`);
    place('one', 'again');
    expect(await refusalOf(...sni(directory))).toBe(
      `--tls-sni: ${inDirectory('again.crt')} and ${inDirectory('server.crt')} are both for one.test`,
    );
    rmSync(inDirectory('again.key'));
    expect(await refusalOf(...sni(directory))).toContain(
      `--tls-sni: cannot read ${inDirectory('again.key')}: ENOENT`,
    );
  });
});
