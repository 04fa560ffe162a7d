// What every page is held to, whatever is on it.

import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { ARTEFACTS } from './places.ts';

export const THEMES = ['light', 'dark'] as const;
const WIDTHS = [320, 768, 1440];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// Clean for axe, in the theme that the system asks for. There are no frames, which is what its other way of collecting is for, and
// nothing reads what it has nothing to say about.
export async function expectAccessible(page: Page): Promise<void> {
  const axe = new AxeBuilder({ page })
    .options({ resultTypes: ['violations'] })
    .withTags(RULES)
    .setLegacyMode();
  const { violations } = await axe.analyze();
  const told = violations.map((it) => ({
    rule: it.id,
    help: it.help,
    where: it.nodes.slice(0, 5).map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`),
  }));
  expect.soft(told, `axe on ${page.url()}`).toEqual([]);
}

// One heading, a title, a language, landmarks, and nothing that axe has to say, in both themes.
export async function expectSound(page: Page, name: string): Promise<void> {
  await expect(page.locator('h1')).toHaveCount(1);
  await expect(page.locator('main')).toHaveCount(1);
  await expect(page).toHaveTitle(/\S/);
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    await expectAccessible(page);
    await shoot(page, `${name}-${theme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

// The page itself never scrolls sideways, however narrow.
export async function expectToFit(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => {
      const room = document.documentElement.clientWidth;
      const cut = [...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > room + 1);
      const names = cut.slice(0, 5).map((it) => `${it.tagName.toLowerCase()}.${it.getAttribute('class') ?? ''}`);
      return { over: document.documentElement.scrollWidth - room, names };
    });
    expect.soft(wide.over, `${page.url()} at ${width} px scrolls sideways: ${wide.names}`).toBeLessThanOrEqual(0);
    if (width === 320) await shoot(page, `${name}-${width}`);
  }
  if (before) await page.setViewportSize(before);
}

export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(ARTEFACTS, 'shots', `${name}.png`), fullPage: true, animations: 'disabled' });
}
