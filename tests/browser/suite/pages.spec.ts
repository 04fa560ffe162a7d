// Every page, in both themes and at every width, on every stage.

import { expectSound, expectToFit } from '../stage/look.ts';
import { EMPTY, FORMS, LISTS, ONES, type Place } from '../stage/pages.ts';
import { expect, stage, test } from '../stage/test.ts';

const SHOWN: ['fleet' | 'empty' | 'crowd' | 'stale', Place[]][] = [
  ['fleet', [...LISTS, ...FORMS, ...ONES, ...EMPTY]],
  ['empty', LISTS],
  ['stale', LISTS.slice(0, 3)],
  ['crowd', LISTS.filter((it) => ['overview', 'functions', 'alerts', 'coverage'].includes(it.name))],
];

for (const [on, places] of SHOWN) {
  for (const { name, find } of places) {
    test(`${name}, ${on}`, async ({ page, request }) => {
      const base = stage()[on];
      const answer = await page.goto(`${base}${await find(request, base)}`);
      expect(answer?.status()).toBe(200);
      await expectSound(page, `${on}-${name}`);
      await expectToFit(page, `${on}-${name}`);
    });
  }
}
