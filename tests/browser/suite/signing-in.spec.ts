// Who is not known stays outside, and who is sees what their role may do and nothing else.

import type { Page } from '@playwright/test';
import { expectSound, expectToFit } from '../stage/look.ts';
import type { Role } from '../stage/setup.ts';
import { expect, stage, test } from '../stage/test.ts';

async function signIn(page: Page, role: Role, to = '/'): Promise<void> {
  await page.goto(`${stage().guarded}${to}`);
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel('Token').fill(stage().tokens[role]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).not.toHaveURL(/\/sign-in/);
}

test('the door', async ({ page }) => {
  await page.goto(`${stage().guarded}/functions`);
  await expect(page).toHaveURL(/\/sign-in/);
  await expectSound(page, 'guarded-sign-in');
  await expectToFit(page, 'guarded-sign-in');
});

test('a token that nobody has been given does not open it', async ({ page, complaints }) => {
  complaints.expected.push(/status of 4/);
  await page.goto(`${stage().guarded}/`);
  await page.getByLabel('Token').fill('overtime_nobody');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText(/not signed in/i);
  await expect(page.getByLabel('Token')).toHaveValue('');
  expect((await page.request.get(`${stage().guarded}/api/v1/functions`)).status()).toBe(401);
});

test('whoever signs in comes to where they wanted to go, and out again', async ({ page }) => {
  await signIn(page, 'viewer', '/functions?name=geo-*');
  await expect(page).toHaveURL(/\/functions\?name=geo/);
  await page.getByRole('button', { name: /^Signed in as/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(`${stage().guarded}/`);
  await expect(page).toHaveURL(/\/sign-in/);
});

test('the cookie is no business of scripts', async ({ page, context }) => {
  await signIn(page, 'viewer');
  const cookie = (await context.cookies()).find((it) => /^(__Host-)?overtime$/.test(it.name));
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
});

// What is there for whom: controls that a role lacks are absent.
const CONTROLS: [string, RegExp, Role][] = [
  ['/silences', /^(new silence|silence)/i, 'operator'],
  ['/subscriptions', /^new subscription/i, 'admin'],
  ['/channels', /^new channel/i, 'admin'],
  ['/subscriptions/payments', /^edit/i, 'admin'],
  ['/channels/default', /^send a test/i, 'operator'],
];
const ROLES: Role[] = ['viewer', 'operator', 'admin'];

for (const [at, role] of ROLES.entries()) {
  test(`what ${role}s may do is there, and what they may not is not`, async ({ page, complaints }) => {
    await signIn(page, role);
    for (const [path, name, needs] of CONTROLS) {
      await page.goto(`${stage().guarded}${path}`);
      const main = page.getByRole('main');
      const controls = main.getByRole('link', { name }).or(main.getByRole('button', { name }));
      const may = at >= ROLES.indexOf(needs);
      if (may) await expect(controls.first(), `${role} on ${path}`).toBeVisible();
      else await expect(controls, `${role} on ${path}`).toHaveCount(0);
    }
    complaints.expected.push(/status of 403/);
    const answer = await page.goto(`${stage().guarded}/channels/new`);
    expect(answer?.status()).toBe(role === 'admin' ? 200 : 403);
  });
}

test('the end of a log is for operators', async ({ page }) => {
  await signIn(page, 'viewer', '/functions/111122223333/eu-central-1/orders-api');
  await page
    .getByRole('main')
    .getByRole('link', { name: /why it timed out/ })
    .first()
    .click();
  await expect(page.getByRole('main')).not.toContainText('ledger.internal');
});

test('a form of another site changes nothing', async ({ page }) => {
  await signIn(page, 'admin');
  const form = { functions: 'geo-*', comment: 'From elsewhere' };
  const answer = await page.request.post(`${stage().guarded}/silences`, {
    form,
    headers: { origin: 'https://elsewhere.example' },
  });
  expect(answer.status()).toBe(403);
});
