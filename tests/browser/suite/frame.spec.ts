// What is around every page: themes, time zones, pages that are not there, what an address says, and the path below which all is.

import { expectAccessible, expectSound } from '../stage/look.ts';
import { expect, stage, test } from '../stage/test.ts';

test('a theme that is chosen stays, whatever the system asks for', async ({ page, context }) => {
  await page.goto(`${stage().fleet}/preferences`);
  await page.getByRole('main').getByLabel('Theme').selectOption('dark');
  await page.getByRole('main').getByRole('button', { name: 'Keep' }).click();
  await page.goto(stage().fleet);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(background);
  await page.emulateMedia({ colorScheme: 'light' });
  await expectAccessible(page);
  const cookies = await context.cookies();
  expect(cookies.find((it) => it.name === 'overtime_theme')).toMatchObject({ value: 'dark', sameSite: 'Lax' });
});

test('times are shown in the zone of the address, and the page says which', async ({ page }) => {
  await page.goto(`${stage().fleet}/?tz=Asia%2FTokyo`);
  await expect(page.getByRole('contentinfo')).toContainText('Asia/Tokyo');
  const inTokyo = await page.locator('main time').first().textContent();
  const moment = await page.locator('main time').first().getAttribute('datetime');
  await page.goto(`${stage().fleet}/?tz=UTC`);
  const same = page.locator(`main time[datetime="${moment}"]`).first();
  await expect(same).not.toHaveText(inTokyo ?? '');
});

for (const [what, path, status, says] of [
  ['a page that is not there', '/nowhere', 404, /./],
  ['a time zone that there is not', '/?tz=Mars', 400, /tz/],
  ['a pace that there is not', '/?refresh=1s', 400, /refresh/],
] as const) {
  test(`${what} is said on a page`, async ({ page, complaints }) => {
    complaints.expected.push(/status of 4/);
    const answer = await page.goto(`${stage().fleet}${path}`);
    expect(answer?.status()).toBe(status);
    await expect(page.getByRole('main')).toContainText(says);
    await expectSound(page, `fault-${status}-${path.replace(/\W+/g, '')}`);
  });
}

test('an address may say more than a page knows', async ({ page }) => {
  const answer = await page.goto(`${stage().fleet}/?utm_source=mail`);
  expect(answer?.status()).toBe(200);
});

test('nothing is sent again that has not changed', async ({ request }) => {
  const first = await request.get(stage().fleet);
  const etag = first.headers().etag;
  expect(etag).toMatch(/^"/);
  const second = await request.get(stage().fleet, { headers: { 'if-none-match': etag ?? '' } });
  expect(second.status()).toBe(304);
  expect((await second.body()).length).toBe(0);
});

test('every answer carries the policy', async ({ request }) => {
  for (const path of ['/', '/nowhere', '/preferences', '/api/v1/health']) {
    const headers = (await request.get(`${stage().fleet}${path}`)).headers();
    expect(headers['content-security-policy'], path).toContain("default-src 'none'");
    expect(headers['content-security-policy'], path).not.toContain('unsafe');
    expect(headers['x-content-type-options'], path).toBe('nosniff');
    expect(headers['referrer-policy'], path).toBe('no-referrer');
  }
});

test('below a path, every address of a page is below it', async ({ page }) => {
  const base = new URL(stage().based).pathname;
  await page.goto(stage().based);
  await expect(page.locator('h1')).toHaveCount(1);
  const outside = await page.evaluate((base) => {
    const names = ['href', 'src', 'action', 'formaction', 'hx-get', 'hx-post'];
    const found = names.flatMap((name) =>
      [...document.querySelectorAll(`[${name}]`)].map((it) => it.getAttribute(name) ?? ''),
    );
    return found.filter((it) => it.startsWith('/') && !it.startsWith(`${base}/`) && it !== base);
  }, base);
  expect(outside).toEqual([]);
});

test('at the root of a server that is below a path there is nothing but its health', async ({ request }) => {
  const { origin } = new URL(stage().based);
  expect((await request.get(`${origin}/healthz`)).status()).toBe(200);
  expect((await request.get(`${origin}/functions`)).status()).toBe(404);
});
