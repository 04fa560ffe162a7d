// The console in a real browser: Debian's Chromium, in front of the real binary.

import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import { ARTEFACTS } from './stage/places.ts';

export default defineConfig({
  testDir: 'suite',
  outputDir: join(ARTEFACTS, 'failures'),
  globalSetup: './stage/setup.ts',
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  retries: 0,
  maxFailures: 20,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: join(ARTEFACTS, 'report.json') }]],
  use: {
    trace: 'retain-on-failure',
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    // Colours on their way from one theme to the other are neither's.
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
