// Lists: what is in the address is what is shown, and what is exported is what is shown.

import type { APIRequestContext, Page } from '@playwright/test';
import { expect, stage, test } from '../stage/test.ts';

const rows = (page: Page) => page.locator('main table.rows').first().locator('tbody tr');

test('back, forward and reload bring back what was looked at', async ({ page }) => {
  await page.goto(`${stage().fleet}/functions`);
  const all = await rows(page).count();
  await page.getByLabel('Name').fill('geo-*');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(page).toHaveURL(/name=geo/);
  await expect(rows(page)).toHaveCount(6);
  await page.locator('th a.sort').first().click();
  await expect(page).toHaveURL(/sort=/);
  const sorted = await rows(page).allInnerTexts();
  await rows(page).first().getByRole('link').first().click();
  await expect(page.locator('h1')).toContainText('geo-');
  await page.goBack();
  await expect(page).toHaveURL(/sort=/);
  expect(await rows(page).allInnerTexts()).toEqual(sorted);
  await expect(page.getByLabel('Name')).toHaveValue('geo-*');
  await page.goBack();
  await page.goBack();
  await expect(rows(page)).toHaveCount(all);
  await page.goForward();
  await expect(rows(page)).toHaveCount(6);
  await page.reload();
  await expect(rows(page)).toHaveCount(6);
  await expect(page.getByLabel('Name')).toHaveValue('geo-*');
});

test('a parameter that cannot be is named', async ({ page, complaints }) => {
  complaints.expected.push(/status of 400/);
  for (const [path, field] of [
    ['/functions?sort=weather', 'sort'],
    ['/functions?account=12', 'account'],
    ['/alerts?severity=mild', 'severity'],
    ['/timeouts?cause=weather', 'cause'],
    ['/deliveries?status=lost', 'status'],
  ]) {
    const answer = await page.goto(`${stage().fleet}${path}`);
    expect(answer?.status(), path).toBe(400);
    await expect(page.getByRole('main')).toContainText(field ?? '');
  }
});

interface Item {
  name?: string;
  channel?: string;
  request_id?: string;
  value?: { name: string };
}

// Which list, and what of an item its row must show.
const LISTS: [string, (item: Item) => string | undefined][] = [
  ['/functions', (it) => it.name],
  ['/functions?name=geo-*&sort=name', (it) => it.name],
  ['/timeouts?function=orders-api', (it) => it.request_id],
  ['/deliveries', (it) => it.channel],
  ['/subscriptions', (it) => it.value?.name],
  ['/channels', (it) => it.value?.name],
];

for (const [path, shown] of LISTS) {
  test(`${path} as JSON and as CSV is what the page shows`, async ({ page, request }) => {
    await page.goto(`${stage().fleet}${path}`);
    const texts = await rows(page).allInnerTexts();
    expect(texts.length).toBeGreaterThan(1);
    const json = await exported(page, request, 'JSON');
    const { items } = JSON.parse(json) as { items: Item[] };
    expect(items.length).toBe(texts.length);
    for (const [at, item] of items.entries()) expect(texts[at]).toContain(shown(item) ?? 'a name');
    if (await page.getByRole('main').getByRole('link', { name: 'CSV' }).count()) {
      const csv = await exported(page, request, 'CSV');
      // A text may have lines of its own.
      const lines = csv
        .replace(/"(?:[^"]|"")*"/g, '')
        .trim()
        .split('\n');
      expect(lines.length).toBe(texts.length + 1);
    }
  });
}

async function exported(page: Page, request: APIRequestContext, name: string): Promise<string> {
  const link = page.getByRole('main').getByRole('link', { name, exact: true }).first();
  const href = await link.getAttribute('href');
  const answer = await request.get(new URL(href ?? '', page.url()).href);
  expect(answer.status(), href ?? '').toBe(200);
  return answer.text();
}
