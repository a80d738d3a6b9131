/** Chromium as it is installed on this machine; none is downloaded. */
import { spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Chromium is; undefined when there is none. */
export function findChromium(): string | undefined {
  for (const command of COMMANDS) {
    const path = spawnSync('which', [command], { encoding: 'utf8' }).stdout?.trim();
    if (path) return path;
  }
  return undefined;
}

/** True when there is no Chromium and whoever runs the tests has said that this is all right. */
export function isWithoutBrowser(): boolean {
  return process.env.POLYLOOP_TEST_WITHOUT_BROWSER === '1' && findChromium() === undefined;
}

export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error(
      `this test needs a browser, and none of ${COMMANDS.join(', ')} is in PATH: install Chromium, or set POLYLOOP_TEST_WITHOUT_BROWSER=1 to skip it`,
    );
  }
  return chromium.launch({ executablePath, args: FLAGS });
}
