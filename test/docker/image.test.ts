/**
 * The image, run as a container. Needs podman, and the image that POLYLOOP_TEST_IMAGE names; test/docker/image.sh makes it.
 */
import { chmodSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Client } from '../harness/client.ts';
import { Container, podman } from '../harness/container.ts';
import { freePort } from '../harness/free-port.ts';
import { temporaryFile } from '../harness/temporary-file.ts';

const image = process.env.POLYLOOP_TEST_IMAGE ?? '';
/** More than the drain timeout, as docs/deploy.md says. */
const GRACE_SECONDS = '30';

async function start(options: readonly string[] = [], args: readonly string[] = []): Promise<Container> {
  const admin = ['--env', `POLYLOOP_ADMIN_PORT=${await freePort()}`];
  return Container.start(image, [...admin, ...options], args);
}

const urlOf = async (container: Container, path: string): Promise<string> =>
  `ws://127.0.0.1:${(await container.line('listening')).port}${path}`;

describe.runIf(image)('the image', () => {
  it('runs as a number that is not root, with nothing between it and its signals', async () => {
    const container = await start();
    expect(await container.exec('id', '-u')).toBe('10001');
    expect(await container.exec('sh', '-c', "tr '\\0' ' ' < /proc/1/cmdline")).toBe(
      'node /opt/polyloop/dist/server.js',
    );
    expect(await container.exec('grep', '-E', '^(CapEff|NoNewPrivs)', '/proc/1/status')).toBe(
      'CapEff:\t0000000000000000\nNoNewPrivs:\t1',
    );
  });

  it('echoes and is healthy when its root cannot be written', async () => {
    const container = await start();
    await expect(container.exec('touch', '/tmp/x')).rejects.toThrow('Read-only file system');
    const client = await Client.open(await urlOf(container, '/echo'));
    client.send('hello');
    expect(await client.next()).toBe('hello');
    expect(await podman('healthcheck', 'run', container.id)).not.toContain('unhealthy');
    const said = JSON.parse(await container.exec('cat', '/opt/polyloop/package.json')) as { version: string };
    expect(
      await podman(
        'inspect',
        '--format',
        '{{index .Config.Labels "org.opencontainers.image.version"}}',
        image,
      ),
    ).toBe(said.version);
  });

  it('is unhealthy when the admin server is not there', async () => {
    const container = await start([], ['--admin-port', '0']);
    await expect(podman('healthcheck', 'run', container.id)).rejects.toThrow();
  });

  it('sends its clients away and exits with 0 when it is stopped', async () => {
    const container = await start();
    const url = await urlOf(container, '/echo');
    const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(url)));
    await podman('stop', '--time', GRACE_SECONDS, container.id);
    for (const { closed } of clients) expect((await closed).code).toBe(1001);
    expect(await container.state('ExitCode')).toBe('0');
    await container.line('stopped');
  });

  it('replaces its loops when it gets SIGHUP', async () => {
    const container = await start();
    await podman('kill', '--signal', 'HUP', container.id);
    await container.line('reloaded');
    expect(await container.state('Running')).toBe('true');
  });

  it('runs an app that imports polyloop when one is mounted', async () => {
    const path = temporaryFile(
      'app.js',
      "import { defineApp } from 'polyloop';\nexport default defineApp((loop) => loop.webSocket('/', { onUpgrade: (ws) => ws.send('mine') }));\n",
    );
    // The container's user is another one.
    chmodSync(dirname(path), 0o755);
    const container = await start(['--volume', `${dirname(path)}:/app:ro`], ['--app', 'app.js']);
    const client = await Client.open(await urlOf(container, '/'));
    expect(await client.next()).toBe('mine');
  });

  it.runIf(availableParallelism() > 1)('has one loop when it may use one core', async () => {
    const container = await start(['--cpus', '1']);
    expect(await container.line('loops ready')).toMatchObject({ workers: 1 });
  });

  it('holds the server, Node and one binary, and nothing to develop with', async () => {
    const container = await start();
    const binaries = await container.exec(
      'sh',
      '-c',
      'ls /opt/polyloop/node_modules/uWebSockets.js/dist/bin | wc -l',
    );
    expect(binaries).toBe('1');
    const rest = await container.exec(
      'sh',
      '-c',
      "find /opt/polyloop -name '*.map' -o -name '*.d.ts' -o -name typescript",
    );
    expect(rest).toBe('');
    await expect(container.exec('npm', '--version')).rejects.toThrow();
  });
});
