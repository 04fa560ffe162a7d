// A store that does not answer: the page says so, and gives whoever asks for help something to name.

import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectSound, expectToFit } from '../stage/look.ts';
import { ARTEFACTS, NOON } from '../stage/places.ts';
import { Server } from '../stage/server.ts';
import { expect, test } from '../stage/test.ts';

test('a store whose disk is gone', async ({ page, complaints }) => {
  complaints.expected.push(/status of 503/);
  rmSync(join(ARTEFACTS, 'data', 'broken'), { recursive: true, force: true });
  const broken = new Server('broken');
  try {
    await broken.start(NOON);
    await broken.warm();
    complaints.ours.add(new URL(broken.url).host);
    // Written over in its place, because it is mapped: whoever finds nothing there believes nothing they have in memory either.
    const index = join(broken.data, 'overtime.db-shm');
    writeFileSync(index, Buffer.alloc(statSync(index).size), { flag: 'r+' });
    for (const file of ['overtime.db', 'overtime.db-wal']) truncateSync(join(broken.data, file), 0);
    const answer = await page.goto(`${broken.url}/channels`);
    expect(answer?.status()).toBe(503);
    await expect(page.getByRole('main')).toContainText(/[0-9a-f]{8}/);
    await expect(page.getByRole('link', { name: /again/i })).toBeVisible();
    await expectSound(page, 'fault-503');
    await expectToFit(page, 'fault-503');
  } finally {
    await broken.stop();
  }
});
