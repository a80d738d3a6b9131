/**
 * The image's HEALTHCHECK: exits with 0 when the admin server in this container says that the server is ready, else with 1.
 * It sees the environment, not the flags: set the admin port there. Without an admin server there is nothing to ask, and it exits with 0.
 */
const LOOPBACK = '127.0.0.1';
const EVERYWHERE = ['', '0.0.0.0', '::', 'localhost'];
const TIMEOUT_MS = 4000;

const port = process.env.POLYLOOP_ADMIN_PORT || '9464';
const given = process.env.POLYLOOP_ADMIN_HOST ?? '';
const host = EVERYWHERE.includes(given) ? LOOPBACK : given.includes(':') ? `[${given}]` : given;

async function isReady() {
  try {
    const answer = await fetch(`http://${host}:${port}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    // Docker keeps it with the container: `docker inspect` shows why.
    console.log(`${answer.status} ${(await answer.text()).slice(0, 1000)}`);
    return answer.ok;
  } catch (error) {
    console.log(String(error.cause ?? error));
    return false;
  }
}

process.exitCode = port === '0' || (await isReady()) ? 0 : 1;
