// What makes the desk live and quick. Every page works without it.

const root = document.documentElement;
root.classList.add("js");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

// --- a page taken over from another answer, without moving what one reads or eating what one types

const NOISE = /<time[^>]*data-ago[^]*?<\/time>|name="once" value="[^"]*"| class="(changed|here)"/g;
const MARKED = "[data-row], .events > li, #note-list > li";
const told = (element) =>
  element.outerHTML.replace(NOISE, "").replace(/ (changed|here)(?=["\s])/g, "");
const dirty = (form) =>
  [...form.elements].some((field) =>
    field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT"
      ? [...field.options].some((option, at) =>
        option.selected !== (option.defaultSelected || (at === 0 && !one("[selected]", field)))
      )
      : field.type !== "hidden" && field.defaultValue !== undefined &&
        field.value !== field.defaultValue
  );

const key = (node) => (node.nodeType === 1 && node.id) || null;
const held = (node) =>
  node.nodeType === 1 &&
  (node.matches("[data-asof]") || (node.matches("form") && dirty(node)) ||
    node === document.activeElement && node.matches("input, textarea, select"));

function morph(from, to, mark) {
  if (held(from)) return;
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  const keyed = new Map([...from.children].filter(key).map((child) => [child.id, child]));
  let place = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let match = key(wanted) ? keyed.get(wanted.id) : null;
    if (!match && !key(wanted)) {
      for (let next = place; next && !match; next = next.nextSibling) {
        if (!key(next) && next.nodeName === wanted.nodeName) match = next;
      }
    }
    if (!match) {
      const added = document.importNode(wanted, true);
      from.insertBefore(added, place);
      if (mark && added.nodeType === 1) {
        all(MARKED, added).concat(added.matches(MARKED) ? added : []).forEach(changed);
      }
      continue;
    }
    if (match === place) place = place.nextSibling;
    else from.insertBefore(match, place);
    if (match.nodeType !== 1) {
      if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
      continue;
    }
    const differs = mark && match.matches(MARKED) && told(match) !== told(wanted);
    morph(match, wanted, mark);
    if (differs) changed(match);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    if (
      !held(gone) &&
      !(gone.nodeType === 1 && gone.contains(document.activeElement) &&
        all("form:not([data-asof])", gone).some(dirty))
    ) gone.remove();
  }
}

function changed(element) {
  element.classList.remove("changed");
  void element.offsetWidth;
  element.classList.add("changed");
  setTimeout(() => element.classList.remove("changed"), 6000);
}

function kept(change) {
  const under = document.elementFromPoint(innerWidth / 3, 140)?.closest("[id]");
  const before = under?.getBoundingClientRect().top;
  change();
  if (under?.isConnected && scrollY > 0) scrollBy(0, under.getBoundingClientRect().top - before);
}

let asked = 0;
async function fetched(address) {
  const turn = asked;
  const response = await fetch(address, {
    headers: { Accept: "text/html" },
    credentials: "same-origin",
    signal: AbortSignal.timeout(15000),
  });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    throw new Error("signed out");
  }
  if (!response.ok && response.status >= 500) throw new Error(`${response.status}`);
  const text = await response.text();
  return turn === asked ? new DOMParser().parseFromString(text, "text/html") : null;
}

async function refresh() {
  const address = location.href;
  const answer = await fetched(address);
  if (!answer || address !== location.href) return;
  // Whoever listens anew is told what came after this.
  if (answer.body.dataset.live && document.body.dataset.live) {
    document.body.dataset.live = answer.body.dataset.live;
  }
  kept(() => {
    for (const part of all("[data-part]")) {
      const fresh = part.id && answer.getElementById(part.id);
      if (fresh) morph(part, fresh, true);
    }
  });
  enhance();
}

async function show(address) {
  asked++;
  const answer = await fetched(address);
  if (!answer) return;
  say();
  history.replaceState(null, "", address);
  document.title = answer.title;
  morph(one("main"), one("main", answer), false);
  if (answer.body.dataset.live) document.body.dataset.live = answer.body.dataset.live;
  else delete document.body.dataset.live;
  enhance();
  listen();
}

// --- live

const line = one("#line");
let stream, lost, polling, due, busy, again, last = 0;
function say(text, address) {
  line.hidden = !text;
  line.textContent = text || "";
  if (address) {
    line.append(
      " ",
      Object.assign(document.createElement("a"), { href: address, textContent: "Sign in" }),
    );
  }
}
function failed(error) {
  if (error.message === "signed out") {
    stream?.close();
    clearInterval(polling);
    say(
      "Your session has ended; what you see may be old.",
      `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`,
    );
  } else say("The connection is lost; trying again.");
}
function soon() {
  // At once; then, however much happens, one page at a time and not two a second.
  again = true;
  if (due || busy) return;
  due = setTimeout(async () => {
    due = again = false;
    busy = true;
    let rest = 0;
    await refresh().then(() => say(), (error) => {
      failed(error);
      again ||= error.message !== "signed out";
      rest = 2000;
    });
    busy = false;
    last = performance.now() + rest;
    if (again) soon();
  }, Math.max(80, last + 600 - performance.now()));
}
function listen() {
  stream?.close();
  stream = null;
  clearTimeout(lost);
  clearInterval(polling);
  const { live, types } = document.body.dataset;
  if (!live || document.hidden) return;
  let opened = false;
  stream = new EventSource(live);
  stream.onopen = () => {
    clearTimeout(lost);
    say();
    if (opened) soon();
    opened = true;
  };
  stream.onerror = () => {
    clearTimeout(lost);
    lost = setTimeout(() => say("The connection is lost; trying again."), 1500);
    if (stream?.readyState !== EventSource.CLOSED) return;
    // Refused: too many streams, or signed out. The page looks for itself, and asks again.
    clearInterval(polling);
    polling = setInterval(() => refresh().then(listen, failed), 5000);
  };
  for (const type of (types || "").split(" ")) stream.addEventListener(type, soon);
}
document.addEventListener("visibilitychange", () => {
  // Browsers keep six connections to a server: a page that nobody sees gives its own back.
  if (document.hidden) {
    stream?.close();
    clearInterval(polling);
    clearTimeout(lost);
  } else if (document.body.dataset.live) {
    refresh().then(listen, (error) => (listen(), failed(error)));
  }
});
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && listen());

// --- as of: the plain choice becomes a slider over the record

function slide(form) {
  const select = one("select", form);
  if (!select || one("input[type=range]", form)) return;
  const range = Object.assign(document.createElement("input"), {
    type: "range",
    min: 0,
    max: select.options.length - 1,
    value: select.selectedIndex,
  });
  range.setAttribute("aria-label", "As of");
  const output = document.createElement("output");
  const tell = () => {
    output.textContent = select.options[range.value].text;
    range.setAttribute("aria-valuetext", output.textContent);
  };
  let timer;
  range.addEventListener("input", () => {
    tell();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const instant = select.options[range.value].value;
      const top = range.getBoundingClientRect().top;
      // The handle stays under the hand, though what stands above it grows.
      show(form.action + (instant ? `?as_of=${encodeURIComponent(instant)}` : "")).then(
        () => scrollBy(0, range.getBoundingClientRect().top - top),
        failed,
      );
    }, 60);
  });
  select.hidden = true;
  select.disabled = true;
  select.before(output);
  form.append(range);
  tell();
}

// --- forms

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  form.dataset.sent = "";
  // Not before the browser has taken the button's own name and address.
  setTimeout(() => all("button", form).forEach((button) => (button.disabled = true)));
  // Whoever stopped waiting for the answer may send it again: it is carried out once.
  setTimeout(resend, 15000);
});
const resend = () =>
  all("[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    all("button", form).forEach((button) => (button.disabled = false));
  });
addEventListener("pageshow", resend);
addEventListener("beforeunload", (event) => {
  if (!one("[data-sent]") && all("[data-guard]").some(dirty)) event.preventDefault();
});
// A status that was chosen offers what speaks for it, and ticks what the evidence counts.
document.addEventListener("change", ({ target }) => {
  if (target.name !== "to" || !target.form?.matches(".decide")) return;
  for (const cite of all("[data-fits]", target.form)) {
    const fits = cite.dataset.fits.split(" ").includes(target.value);
    cite.disabled = !fits;
    cite.checked = fits && "counted" in cite.dataset;
  }
});
document.addEventListener(
  "change",
  (event) => event.target.form?.matches("[data-auto]") && event.target.form.requestSubmit(),
);

// --- searching as one types

const box = one("#q");
let typing;
if (box && (location.pathname === "/" || location.pathname === "/search")) {
  box.addEventListener("input", () => {
    clearTimeout(typing);
    const text = box.value.trim();
    if (text.length === 1) return;
    typing = setTimeout(
      () => show(text ? `/search?q=${encodeURIComponent(text)}` : "/").catch(failed),
      200,
    );
  });
}

// --- keyboard, copying, ages

function copy(button) {
  const text = one(button.dataset.copy)?.innerText ?? button.dataset.text;
  navigator.clipboard.writeText(text).then(
    () => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    },
    () => getSelection().selectAllChildren(one(button.dataset.copy)),
  );
}
function walk(step) {
  const rows = all("[data-row]").filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const next = rows[
    Math.max(0, Math.min(rows.length - 1, at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step))
  ];
  rows[at]?.classList.remove("here");
  next.classList.add("here");
  (one("a", next) || next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}
const go = (address) => one(`.top nav a[href="${address}"]`)?.click();
const KEYS = {
  "/": () => box?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
  n: () => go("/intake"),
  b: () => go("/"),
  r: () => go("/review"),
  c: () => one("[data-copy]")?.click(),
  "?": () => one("#help")?.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typed = event.target.closest?.(
    "input:not([type=range], [type=checkbox], [type=radio]), textarea, select",
  );
  if (event.key === "Escape") return typed?.blur();
  if (typed || one("dialog[open]") || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy], [data-help]");
  if (button?.dataset.copy) copy(button);
  else if (button) {
    button.closest("details").open = false;
    one("#help").showModal();
  } else {for (const menu of all("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }}
});
function age() {
  for (const time of all("time[data-ago]")) {
    const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60000);
    const days = Math.floor(minutes / 1440);
    time.textContent = minutes < 1
      ? "now"
      : minutes < 60
      ? `${minutes} min`
      : days < 1
      ? `${Math.floor(minutes / 60)} h`
      : days < 60
      ? `${days} d`
      : days < 730
      ? `${Math.floor(days / 30)} mo`
      : `${Math.floor(days / 365)} y`;
  }
}
// A panel longer than the window is shown to its end before it stays in place.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);
const stick = () =>
  all(".panel").forEach((panel) =>
    sheet.replaceSync(
      `:root { --stick: ${Math.min(12, innerHeight - panel.offsetHeight - 12)}px; }`,
    )
  );
const sized = new ResizeObserver(stick);
addEventListener("resize", stick);
function enhance() {
  all(".panel").forEach((panel) => sized.observe(panel));
  all("[data-copy], [data-help], [data-find]").forEach((element) => (element.hidden = false));
  all("[data-asof]").forEach(slide);
}

enhance();
listen();
// What is wrong with a form is where one goes on from.
const wrong = one("main [role=alert]");
if (wrong && !one("[autofocus]")) {
  wrong.tabIndex = -1;
  wrong.focus();
}
setInterval(age, 30000);
