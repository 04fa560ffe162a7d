// Keeps the overview current: asks for its inner part every few seconds and changes only what differs, in place, so that
// focus, scroll position, selection and whatever is unfolded stay as they are. Pauses while nobody looks.

const main = document.getElementById("main");
const select = document.getElementById("refresh");
const KEPT = "overtime.refresh";
let etag = null;
let timer = null;
let asking = false;

select.value = localStorage.getItem(KEPT) ?? "5";
if (!select.value) select.value = "5";
select.parentElement.hidden = false;
select.addEventListener("change", () => {
  localStorage.setItem(KEPT, select.value);
  schedule();
});
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && Number(select.value)) refresh();
});
schedule();

function schedule() {
  clearTimeout(timer);
  const seconds = Number(select.value);
  if (seconds && !document.hidden) timer = setTimeout(refresh, seconds * 1000);
}

async function refresh() {
  if (asking) return;
  asking = true;
  main.setAttribute("aria-busy", "true");
  try {
    const headers = etag ? { "if-none-match": etag } : {};
    const answer = await fetch("/overview", { headers, cache: "no-store", signal: AbortSignal.timeout(10_000) });
    if (answer.ok) {
      const next = document.createElement("template");
      next.innerHTML = await answer.text();
      morph(main, next.content);
      etag = answer.headers.get("etag");
    }
    lost(!answer.ok && answer.status !== 304);
  } catch {
    lost(true);
  } finally {
    asking = false;
    main.removeAttribute("aria-busy");
    schedule();
  }
}

// What stands on the page is still true of its moment; it only must not pass for the present.
function lost(yes) {
  document.body.classList.toggle("lost", yes);
}

// A node that is moved keeps its focus where browsers can do that.
const move = Element.prototype.moveBefore ?? Element.prototype.insertBefore;

// Makes the children of `old` those of `next`. Elements with an id keep their identity wherever they move.
function morph(old, next) {
  let at = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const match = wanted.id ? [...old.children].find((it) => it.id === wanted.id) : alike(at, wanted) ? at : null;
    if (!match) {
      old.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else move.call(old, match, at);
    if (wanted.nodeType !== Node.ELEMENT_NODE) {
      if (match.data !== wanted.data) match.data = wanted.data;
    } else if (!match.isEqualNode(wanted)) {
      attributes(match, wanted);
      morph(match, wanted);
    }
  }
  while (at) {
    const rest = at.nextSibling;
    at.remove();
    at = rest;
  }
}

function alike(node, wanted) {
  return node && !node.id && node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName;
}

function attributes(old, next) {
  // Whether something is unfolded is the reader's business.
  const ours = (name) => old.nodeName === "DETAILS" && name === "open";
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !ours(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}
