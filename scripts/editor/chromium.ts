/** The Chromium of the machine: nothing is downloaded. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export const howToEnable =
  'Install Chromium (Debian: apt-get install chromium) or set CHROMIUM to the path of Chromium or Chrome, and run again.';

/** `$CHROMIUM`, else a Chromium or Chrome on the PATH. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM) return existsSync(CHROMIUM) ? CHROMIUM : undefined;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const places = names.flatMap(name => PATH.split(delimiter).map(folder => join(folder, name)));
  return [...places, '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find(existsSync);
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(`There is no Chromium. ${howToEnable}`);
  return chromium.launch({
    executablePath,
    // Its own sandbox needs rights that root and most containers lack; the pages are our own.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
  });
}
