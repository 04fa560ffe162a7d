// From the overview to the reason of a timeout: which function, since when, at which version, and why.

import type { Locator, Page } from '@playwright/test';
import { expect, stage, test } from '../stage/test.ts';

// Whoever looks for it would press Tab about as often.
const PRESSES_MAX = 150;

// Tab by Tab, as somebody does who has no mouse; what is focused is always to be seen.
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let press = 0; press < PRESSES_MAX; press += 1) {
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    if (!(await focused.count())) continue;
    const seen = await focused.evaluate((it) => {
      const box = it.getBoundingClientRect();
      const inside = box.bottom > 0 && box.top < innerHeight;
      const style = getComputedStyle(it);
      const ring = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
      return { inside, ring, what: it.outerHTML.slice(0, 120) };
    });
    expect(seen, 'what is focused is to be seen').toMatchObject({ inside: true, ring: true });
    if (await wanted.evaluate((it) => it === document.activeElement)) return;
  }
  throw new Error(`${wanted} is not reached within ${PRESSES_MAX} presses of Tab`);
}

// What a person must learn, wherever they press.
async function expectTheReason(page: Page): Promise<void> {
  await expect(page).toHaveURL(/\/invocations\/111122223333\/eu-central-1\/orders-api\//);
  const main = page.getByRole('main');
  await expect(main).toContainText('ledger.internal:5432: no answer');
  await expect(main).toContainText(/handler|own code/i);
  await expect(main).toContainText('42');
}

async function expectTheStory(page: Page): Promise<void> {
  await expect(page.locator('h1')).toContainText('orders-api');
  const main = page.getByRole('main');
  await expect(main).toContainText('10:30');
  await expect(main).toContainText('42');
}

const worst = (page: Page) => page.getByRole('main').getByRole('link', { name: 'orders-api', exact: true }).first();
const latest = (page: Page) =>
  page
    .getByRole('main')
    .getByRole('link', { name: /why it timed out/ })
    .first();

test('by keyboard alone', async ({ page }) => {
  await page.goto(stage().fleet);
  await page.keyboard.press('Tab');
  await expect(page.locator(':focus')).toHaveText(/skip to content/i);
  await page.keyboard.press('Enter');
  await tabTo(page, worst(page));
  await page.keyboard.press('Enter');
  await expectTheStory(page);
  await tabTo(page, latest(page));
  await page.keyboard.press('Enter');
  await expectTheReason(page);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('by following links', async ({ page }) => {
    await page.goto(`${stage().fleet}/?refresh=off`);
    await worst(page).click();
    await expectTheStory(page);
    await latest(page).click();
    await expectTheReason(page);
  });

  test('a page shows itself anew, unless it is told not to', async ({ page }) => {
    await page.goto(stage().fleet);
    await expect(page.locator('meta[http-equiv=refresh]')).toHaveAttribute('content', '30');
    await page.goto(`${stage().fleet}/?refresh=off`);
    await expect(page.locator('meta[http-equiv=refresh]')).toHaveCount(0);
  });
});

test('what times out most is what is shown first', async ({ page }) => {
  await page.goto(stage().fleet);
  await expect(page.getByRole('main').locator('a[href*="/functions/"]').first()).toHaveText('orders-api');
});

test('what is written in logs and tags is text', async ({ page }) => {
  page.on('dialog', () => expect(false, 'a script of a function has run').toBe(true));
  await page.goto(`${stage().fleet}/functions/111122223333/eu-central-1/loyalty-points`);
  await expect(page.getByRole('main')).toContainText('<script>alert(1)</script>');
  await latest(page).click();
  await expect(page.getByRole('main')).toContainText('<b onclick="alert(1)">');
});

test('single keys lead to pages, unless somebody has them off', async ({ page }) => {
  await page.goto(stage().fleet);
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await expect(page).toHaveURL(/\/functions/);
  await page.keyboard.press('/');
  await expect(page.getByLabel('Name')).toBeFocused();
  await page.keyboard.type('g');
  await expect(page.getByLabel('Name')).toHaveValue('g');
  await page.goto(`${stage().fleet}/preferences`);
  await page.getByRole('main').getByLabel('Single-key shortcuts').selectOption('off');
  await page.getByRole('main').getByRole('button', { name: 'Keep' }).click();
  await page.goto(stage().fleet);
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await expect(page).toHaveURL(`${stage().fleet}/`);
});

test('a heat map is one stop of the tab key, and arrows lead through it', async ({ page }) => {
  await page.goto(stage().fleet);
  const grid = page.locator('table[data-grid]').first();
  const stops = grid.locator('tbody td [tabindex="0"], tbody td[tabindex="0"]');
  await expect(stops).toHaveCount(1);
  await stops.focus();
  const place = () =>
    page.evaluate(() => {
      const cell = document.activeElement?.closest('td');
      const row = cell?.closest('tr');
      return [row?.rowIndex ?? -1, cell?.cellIndex ?? -1];
    });
  const [row = 0, column = 0] = await place();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  expect(await place()).toEqual([row + 1, column + 1]);
  await page.keyboard.press('Home');
  expect((await place())[0]).toBe(row + 1);
  await expect(stops).toHaveCount(1);
});
