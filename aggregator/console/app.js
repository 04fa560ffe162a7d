// What pages do with scripts, and could do without: they show themselves anew, copy, and listen to keys. Everything here works on
// what the server wrote; nothing is drawn or decided in the browser.

const WAITS_FOR_G_MS = 1_500;

document.documentElement.classList.add("scripted");

const main = () => document.getElementById("main");
const base = document.body.dataset.base ?? "";

// --- Showing the page anew -------------------------------------------------------------------------------------------------------

let timer = null;

function schedule() {
  clearTimeout(timer);
  const seconds = Number(main()?.dataset.refresh);
  if (seconds && !document.hidden) timer = setTimeout(anew, seconds * 1_000);
}

// The layout lets htmx ask for the same address and morph what differs: focus, scroll, selection and whatever is unfolded stay.
function anew() {
  if (!main()?.dataset.refresh) return;
  main().setAttribute("aria-busy", "true");
  main().dispatchEvent(new CustomEvent("anew"));
}

// What stands on the page is still true of its moment; it only must not pass for the present.
function lost(yes) {
  document.body.classList.toggle("lost", yes);
  const pulse = document.getElementById("pulse");
  if (!pulse) return;
  pulse.dataset.said ??= pulse.textContent;
  pulse.textContent = yes ? "No answer: this is what was known last" : pulse.dataset.said;
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : anew()));
document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const failed = ctx.response.status >= 400;
  if (ctx.sourceElement === main()) lost(failed);
  if (ctx.sourceElement === main() && failed) event.preventDefault();
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail?.ctx?.sourceElement === main()) lost(true);
});
document.addEventListener("htmx:finally:request", () => {
  main()?.removeAttribute("aria-busy");
  schedule();
});
document.addEventListener("htmx:after:swap", () => prepare());
schedule();

// --- Tables that are walked through by arrows ------------------------------------------------------------------------------------

// One cell of each is reached by the tab key, and the others from there.
function prepare() {
  for (const grid of document.querySelectorAll("table[data-grid]")) {
    const cells = [...grid.querySelectorAll("tbody td")].map(handle);
    const current = cells.find((it) => it === document.activeElement || it.dataset.current !== undefined) ?? cells[0];
    for (const cell of cells) {
      const tab = cell === current ? 0 : -1;
      if (cell.tabIndex !== tab || !cell.hasAttribute("tabindex")) cell.tabIndex = tab;
    }
  }
}

// A cell is its link where it has one.
const handle = (cell) => cell.querySelector("a") ?? cell;

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function step(event) {
  const cell = event.target.closest?.("table[data-grid] tbody td");
  if (!cell || event.altKey || event.shiftKey) return;
  const rows = [...cell.closest("tbody").rows];
  const cells = (row) => [...row.querySelectorAll("td")];
  const at = rows.indexOf(cell.parentElement);
  const column = cells(rows[at]).indexOf(cell);
  const last = cells(rows[at]).length - 1;
  const to = { Home: [event.ctrlKey ? 0 : at, 0], End: [event.ctrlKey ? rows.length - 1 : at, last] }[event.key];
  const [down, right] = STEPS[event.key] ?? [0, 0];
  if (!to && (event.ctrlKey || event.metaKey || !(down || right))) return;
  const [row, place] = to ?? [at + down, column + right];
  const next = rows[row] && cells(rows[row])[place];
  if (!next) return;
  event.preventDefault();
  for (const it of cell.closest("table").querySelectorAll("[data-current]")) {
    it.tabIndex = -1;
    delete it.dataset.current;
  }
  handle(cell).tabIndex = -1;
  handle(next).tabIndex = 0;
  handle(next).dataset.current = "";
  handle(next).focus();
}

document.addEventListener("keydown", step);
prepare();

// --- Keys that lead somewhere ----------------------------------------------------------------------------------------------------

let afterG = 0;

const writing = (it) => it.closest?.("input, select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (document.body.dataset.shortcuts === "off" || event.defaultPrevented || writing(event.target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const follows = Date.now() - afterG < WAITS_FOR_G_MS;
  afterG = 0;
  if (follows) {
    const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (link) location.assign(link.href);
  } else if (event.key === "g") {
    afterG = Date.now();
  } else if (event.key === "/") {
    event.preventDefault();
    search();
  } else if (event.key === "?") {
    document.getElementById("help")?.togglePopover();
  }
});

function search() {
  const field = main()?.querySelector("input[type=search]");
  if (field) field.focus();
  else location.assign(`${base}/functions#search`);
}

if (location.hash === "#search") main()?.querySelector("input[type=search]")?.focus();

// --- Copying ---------------------------------------------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy || document.getElementById(button.dataset.copyFrom)?.textContent.trim() || "";
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  setTimeout(() => (button.textContent = said), 1_500);
});

// --- Preferences -----------------------------------------------------------------------------------------------------------------

// The time zone of this browser is a choice that only this browser knows.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const select of document.querySelectorAll("select[data-zones]")) {
  if (here && ![...select.options].some((it) => it.value === here)) select.add(new Option(`${here} (this browser)`, here));
}
// Filters may have changed the address since the page was written.
document.addEventListener("submit", ({ target }) => {
  const back = target.elements?.back;
  if (target.closest?.("#view") && back) back.value = location.pathname.slice(base.length) + location.search;
});
