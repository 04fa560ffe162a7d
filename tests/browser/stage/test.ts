// A test that fails on its own when the browser complains, when the policy is broken, or when anything but our server is asked.

import { test as base, expect, type Page } from '@playwright/test';
import type { Stage } from './setup.ts';

export { expect };

export const stage = (): Stage => JSON.parse(process.env.OVERTIME_STAGE ?? '{}') as Stage;

const urls = () => Object.values(stage()).filter((it) => typeof it === 'string');

// Complaints of one page, from its first request on.
export class Complaints {
  readonly all: string[] = [];
  // What a test brings about on purpose, such as a page that answers 400.
  readonly expected: RegExp[] = [];

  // Who may be asked.
  readonly ours = new Set(urls().map((it) => new URL(it).host));

  constructor(page: Page) {
    page.on('console', (it) => {
      if (it.type() === 'error' || it.type() === 'warning') this.all.push(`console: ${it.text()}`);
    });
    page.on('pageerror', (it) => this.all.push(`script: ${it.message}`));
    page.on('request', (it) => {
      const url = new URL(it.url());
      const inside = url.protocol === 'data:' || url.protocol === 'blob:' || this.ours.has(url.host);
      if (!inside) this.all.push(`foreign request: ${it.url()}`);
    });
  }

  async watch(page: Page): Promise<void> {
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (it) => {
        console.error(`policy: ${it.violatedDirective} by ${it.blockedURI} ${it.sample} at ${it.sourceFile}`);
      });
    });
  }

  left(): string[] {
    return this.all.filter((it) => !this.expected.some((expected) => expected.test(it)));
  }
}

export const test = base.extend<{ complaints: Complaints }>({
  complaints: [
    async ({ page }, use) => {
      const complaints = new Complaints(page);
      await complaints.watch(page);
      await use(complaints);
      expect(complaints.left(), 'the browser complains').toEqual([]);
    },
    { auto: true },
  ],
});
