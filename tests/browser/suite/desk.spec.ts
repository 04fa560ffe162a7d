// The desk: a channel is made and tested, a subscription is written, previewed and kept, a timeout opens its alert, the message
// arrives, and somebody has it silent. One after the other, on a server of their own.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expectAccessible } from '../stage/look.ts';
import { NOON, program } from '../stage/places.ts';
import { arrived } from '../stage/receiver.ts';
import { clockOf, setClock } from '../stage/server.ts';
import { expect, stage, test } from '../stage/test.ts';

test.describe.configure({ mode: 'serial' });

const LATER = new Date(NOON.getTime() + 15 * 60_000);

test('a channel that cannot be is refused, and what was written stays', async ({ page, complaints }) => {
  complaints.expected.push(/status of 4/);
  await page.goto(`${stage().desk}/channels/new`);
  await page.getByLabel('Id', { exact: true }).fill('desk');
  await page.getByLabel('Name', { exact: true }).fill('The desk');
  await page.getByRole('radio', { name: /^Webhook/ }).check();
  await page.getByLabel('URL', { exact: true }).first().fill('no address');
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('alert')).toContainText(/url/i);
  await expect(page.getByLabel('Id', { exact: true })).toHaveValue('desk');
  await expectAccessible(page);
});

test('a channel is made and tested, and the test arrives', async ({ page }) => {
  await page.goto(`${stage().desk}/channels/new`);
  await page.getByLabel('Id', { exact: true }).fill('desk');
  await page.getByLabel('Name', { exact: true }).fill('The desk');
  await page.getByRole('radio', { name: /^Webhook/ }).check();
  await page.getByLabel('URL', { exact: true }).first().fill(`${stage().receiver}/desk`);
  await page.getByLabel('Secret', { exact: true }).fill('env:OVERTIME_SECRET_HOOK');
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page).toHaveURL(/\/channels\/desk/);
  await page.getByRole('button', { name: 'Send a test' }).click();
  await expect.poll(async () => (await arrived(stage().receiver, '/desk')).length).toBe(1);
  const [message] = await arrived(stage().receiver, '/desk');
  expect(message?.body).toContain('[TEST]');
  await expect(async () => {
    await page.goto(`${stage().desk}/channels/desk`);
    await expect(page.getByRole('main')).toContainText('delivered', { timeout: 500 });
  }).toPass();
});

test('a subscription is previewed while it is written, and kept', async ({ page }) => {
  await page.goto(`${stage().desk}/subscriptions/new`);
  await page.getByLabel('Id', { exact: true }).fill('orders');
  await page.getByLabel('Name', { exact: true }).fill('Orders time out');
  await page.getByLabel('Names', { exact: true }).fill('orders-*');
  await page.getByRole('radio', { name: /^Any timeout/ }).check();
  await page.getByRole('checkbox', { name: /The desk/ }).check();
  await expect(page.locator('#preview')).toContainText('would have fired');
  await expect(page.locator('#preview')).toContainText('orders-api');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page).toHaveURL(/\/subscriptions\/orders/);
  await expect(page.locator('h1')).toContainText('Orders time out');
});

test('a timeout opens its alert, and the message arrives', async ({ page }) => {
  const told = ['--url', stage().desk, '--clock', clockOf('desk'), '--from', NOON.toISOString()];
  await promisify(execFile)(program('fixture'), [...told, '--until', LATER.toISOString()]);
  await expect(async () => {
    await page.goto(`${stage().desk}/alerts?subscription=orders`);
    await expect(page.getByRole('main').getByRole('row', { name: /orders-api/ })).toContainText('firing', {
      timeout: 500,
    });
  }).toPass();
  // Others of its group would be told of with it: that time is over, too.
  setClock('desk', new Date(LATER.getTime() + 60_000));
  await expect.poll(async () => (await arrived(stage().receiver, '/desk')).length).toBeGreaterThan(1);
  const messages = await arrived(stage().receiver, '/desk');
  expect(messages.at(-1)?.body).toContain('orders-api');
});

test('the alert is made silent from where it is seen', async ({ page }) => {
  await page.goto(`${stage().desk}/alerts?subscription=orders`);
  const row = page.getByRole('main').getByRole('row', { name: /orders-api/ });
  await row.getByRole('link', { name: /^Silence/ }).click();
  await expect(page.getByLabel('Functions', { exact: true })).toHaveValue(/orders-api/);
  await page.getByLabel('Why').fill('The ledger is being moved');
  await page.getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(page.getByRole('main')).toContainText('The ledger is being moved');
  // An alert that goes on is looked at again after its group's interval, five minutes.
  setClock('desk', new Date(LATER.getTime() + 7 * 60_000));
  await expect(async () => {
    await page.goto(`${stage().desk}/alerts?subscription=orders`);
    await expect(row).toContainText('silenced', { timeout: 500 });
  }).toPass();
  await expectAccessible(page);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('a silence is made and ended', async ({ page }) => {
    await page.goto(`${stage().desk}/silences/new?refresh=off`);
    await page.getByLabel('Functions', { exact: true }).fill('webhook-*');
    await page.getByLabel('Why').fill('Known, and being mended');
    await page.getByRole('button', { name: 'Preview' }).click();
    await expect(page.getByRole('main')).toContainText('webhook-relay');
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    await expect(page.getByRole('main')).toContainText('Known, and being mended');
    await page.getByRole('button', { name: /^End/ }).first().click();
    await expect(page.getByRole('main')).toContainText(/ended early|ended before its time/);
  });
});
