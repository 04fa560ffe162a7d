// The pages there are, and how each is come by: some have their address from what the fleet did.

import type { APIRequestContext } from '@playwright/test';

type Find = (request: APIRequestContext, base: string) => Promise<string>;

export interface Place {
  name: string;
  find: Find;
}

const at =
  (path: string): Find =>
  async () =>
    path;

export const ORDERS = '/functions/111122223333/eu-central-1/orders-api';
const LONGEST_NAME = 'customer-notification-dispatcher-for-transactional-mail-and-sms1';
export const LONGEST = `/functions/111122223333/ap-southeast-2/${LONGEST_NAME}`;
export const SILENT = '/functions/111122223333/ap-southeast-2/nightly-export';
export const TAGGED = '/functions/111122223333/eu-central-1/loyalty-points';

interface Item {
  id: string;
  url: string;
  function: string | null;
}

// What is the first of a list of the API, of those that fit.
async function first(request: APIRequestContext, url: string, fits: (item: Item) => boolean): Promise<Item> {
  const answer = await request.get(url);
  const { items } = (await answer.json()) as { items: Item[] };
  const item = items.find(fits);
  if (!item) throw new Error(`${url} has nothing that fits`);
  return item;
}

// Most pages have the address that the API has the same under, but for what is different on the way to it.
const listed =
  (list: string, name: string | null, turned: (url: string) => string): Find =>
  async (request, base) => {
    const { url } = await first(request, `${base}/api/v1/${list}`, (it) => name === null || it.function === name);
    return turned(url.slice(url.indexOf('/api/v1') + '/api/v1'.length));
  };

const invocation = (name: string): Find =>
  listed(`timeouts?limit=1&function=${name}`, name, (url) =>
    url.replace('/functions/', '/invocations/').replace('/timeouts/', '/'),
  );
const alert = listed('alerts?limit=100', 'orders-api', (url) => url);
const episode = listed('episodes?limit=100', 'orders-api', (url) => url.replace('/episodes/', '/'));
const delivery = listed('deliveries?limit=1', null, (url) => url);

// Where there is nothing yet, there are still these.
export const LISTS: Place[] = [
  { name: 'overview', find: at('/') },
  { name: 'functions', find: at('/functions') },
  { name: 'timeouts', find: at('/timeouts') },
  { name: 'alerts', find: at('/alerts') },
  { name: 'incidents', find: at('/incidents') },
  { name: 'subscriptions', find: at('/subscriptions') },
  { name: 'silences', find: at('/silences') },
  { name: 'channels', find: at('/channels') },
  { name: 'deliveries', find: at('/deliveries') },
  { name: 'coverage', find: at('/coverage') },
  { name: 'about', find: at('/about') },
  { name: 'preferences', find: at('/preferences') },
];

export const FORMS: Place[] = [
  { name: 'subscription-new', find: at('/subscriptions/new') },
  { name: 'silence-new', find: at('/silences/new') },
  { name: 'channel-new', find: at('/channels/new') },
];

// One of each kind, and those that are hard to show.
export const ONES: Place[] = [
  { name: 'function', find: at(ORDERS) },
  { name: 'function-week', find: at(`${ORDERS}?from=now-7d`) },
  { name: 'function-longest-name', find: at(LONGEST) },
  { name: 'function-silent', find: at(SILENT) },
  { name: 'function-any-tags', find: at(TAGGED) },
  { name: 'invocation', find: invocation('orders-api') },
  { name: 'invocation-suspected', find: invocation('loyalty-points') },
  { name: 'invocation-init', find: invocation('score-model') },
  { name: 'invocation-retried', find: invocation(LONGEST_NAME) },
  { name: 'alert', find: alert },
  { name: 'episode', find: episode },
  { name: 'subscription', find: at('/subscriptions/payments') },
  { name: 'subscription-edit', find: at('/subscriptions/payments/edit') },
  { name: 'channel', find: at('/channels/default') },
  { name: 'channel-that-fails', find: at('/channels/gone') },
  { name: 'channel-edit', find: at('/channels/default/edit') },
  { name: 'delivery', find: delivery },
];

// Filters that match nothing.
export const EMPTY: Place[] = [
  { name: 'functions-none', find: at('/functions?name=nothing-*') },
  { name: 'timeouts-none', find: at('/timeouts?function=nothing') },
  { name: 'alerts-none', find: at('/alerts?function=nothing') },
  { name: 'deliveries-none', find: at('/deliveries?channel=nothing') },
];
