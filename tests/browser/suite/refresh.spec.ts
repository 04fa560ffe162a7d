// A page shows itself anew, and leaves whoever reads it where they are.

import { expect, stage, test } from '../stage/test.ts';

test('what is focused, unfolded and scrolled to stays so', async ({ page }) => {
  await page.clock.install();
  await page.setViewportSize({ width: 1000, height: 500 });
  await page.goto(stage().fleet);
  const details = page.locator('main details').first();
  await details.locator('summary').click();
  await expect(details).toHaveAttribute('open', '');
  const link = page.locator('main a[href]').last();
  await link.focus();
  await page.evaluate(() => scrollTo(0, 350));
  const before = await page.evaluate(() => ({ at: scrollY, html: document.activeElement?.outerHTML }));
  const again = page.waitForResponse((it) => it.request().method() === 'GET' && it.url().startsWith(stage().fleet));
  await page.clock.fastForward(31_000);
  await again;
  await expect(page.locator('main[aria-busy=true]')).toHaveCount(0);
  const after = await page.evaluate(() => ({ at: scrollY, html: document.activeElement?.outerHTML }));
  expect(after).toEqual(before);
  await expect(details).toHaveAttribute('open', '');
});

test('what has not changed is not sent again', async ({ page, context }) => {
  await page.clock.install();
  const devtools = await context.newCDPSession(page);
  const answers: number[] = [];
  devtools.on('Network.responseReceivedExtraInfo', (it) => answers.push(it.statusCode));
  await devtools.send('Network.enable');
  await page.goto(stage().fleet, { waitUntil: 'networkidle' });
  answers.length = 0;
  await page.clock.fastForward(31_000);
  await expect.poll(() => answers).toEqual([304]);
});

test('a page that is told not to does not', async ({ page }) => {
  await page.clock.install();
  await page.goto(`${stage().fleet}/?refresh=off`, { waitUntil: 'networkidle' });
  const asked: string[] = [];
  page.on('request', (it) => asked.push(it.url()));
  await page.clock.fastForward(600_000);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(null))));
  expect(asked).toEqual([]);
});
