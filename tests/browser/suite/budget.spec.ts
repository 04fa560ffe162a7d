// Ten thousand functions: bytes as they are, and time as a multiple of what the same answer takes without a page.

import { gzipSync } from 'node:zlib';
import type { APIRequestContext } from '@playwright/test';
import { expect, stage, test } from '../stage/test.ts';

const HTML_MAX = 150_000;
const ASSETS_ZIPPED_MAX = 60_000;
const ROUNDS = 5;

// A page beside the answers that it is made of.
const PAGES: [string, string, string[]][] = [
  ['overview', '/', ['overview', 'overview/heatmap', 'health', 'alerts?limit=100', 'timeouts?limit=10']],
  ['functions', '/functions', ['functions']],
];

for (const [name, path, parts] of PAGES) {
  test(`${name} over ten thousand functions is within its budget`, async ({ request }) => {
    const html = await (await request.get(`${stage().crowd}${path}`)).body();
    expect(html.length).toBeLessThanOrEqual(HTML_MAX);
    const page = await median(request, [`${stage().crowd}${path}`]);
    const bare = await median(
      request,
      parts.map((it) => `${stage().crowd}/api/v1/${it}`),
    );
    // Another build is another speed, but not of one beside the other.
    expect(page / bare, `${page} ms beside ${bare} ms`).toBeLessThanOrEqual(3);
  });
}

test('the first load of assets is within its budget, and none is asked for twice', async ({ page, request }) => {
  const assets = new Set<string>();
  page.on('request', (it) => {
    if (it.resourceType() !== 'document') assets.add(it.url());
  });
  await page.goto(stage().crowd, { waitUntil: 'networkidle' });
  expect(assets.size).toBeGreaterThan(1);
  let zipped = 0;
  for (const url of assets) {
    const answer = await request.get(url);
    expect(answer.headers()['cache-control'], url).toContain('immutable');
    zipped += gzipSync(await answer.body()).length;
  }
  expect(zipped).toBeLessThanOrEqual(ASSETS_ZIPPED_MAX);
});

async function median(request: APIRequestContext, urls: string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    await Promise.all(urls.map(async (url) => (await request.get(url)).body()));
    times.push(performance.now() - began);
  }
  return times.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}
