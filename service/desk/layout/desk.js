// What makes the desk live and quick. Every page works without it.

const root = document.documentElement;
root.classList.add("js");
const queryAll = (selector, within = document) => [...within.querySelectorAll(selector)];
const query = (selector, within = document) => within.querySelector(selector);

// --- a page taken over from another answer, without moving what one reads or eating what one types

const NOISE =
  /<time[^>]*data-ago[^]*?<\/time>|name="once" value="[^"]*"| class="(changed|selected)"/g;
const MARKED = "[data-row], .events > li, #note-list > li";
const readContent = (element) =>
  element.outerHTML.replace(NOISE, "").replace(/ (changed|selected)(?=["\s])/g, "");
const isEdited = (form) =>
  [...form.elements].some((field) =>
    field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT"
      ? [...field.options].some((option, at) =>
        option.selected !== (option.defaultSelected || (at === 0 && !query("[selected]", field)))
      )
      : field.type !== "hidden" && field.defaultValue !== undefined &&
        field.value !== field.defaultValue
  );

const readId = (node) => (node.nodeType === 1 && node.id) || null;
const isHeld = (node) =>
  node.nodeType === 1 &&
  (node.matches("[data-asof]") || (node.matches("form") && isEdited(node)) ||
    node === document.activeElement && node.matches("input, textarea, select"));

// What the browser itself says of an element, which no answer knows.
const STATES = ["changed", "selected"];

function morph(from, to, mark) {
  if (isHeld(from)) return;
  const states = STATES.filter((state) => from.classList.contains(state));
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  from.classList.add(...states);
  const keyed = new Map([...from.children].filter(readId).map((child) => [child.id, child]));
  let place = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let match = readId(wanted) ? keyed.get(wanted.id) : null;
    if (!match && !readId(wanted)) {
      for (let next = place; next && !match; next = next.nextSibling) {
        if (!readId(next) && next.nodeName === wanted.nodeName) match = next;
      }
    }
    if (!match) {
      const added = document.importNode(wanted, true);
      from.insertBefore(added, place);
      if (mark && added.nodeType === 1) {
        queryAll(MARKED, added).concat(added.matches(MARKED) ? added : []).forEach(highlight);
      }
      continue;
    }
    if (match === place) place = place.nextSibling;
    else from.insertBefore(match, place);
    if (match.nodeType !== 1) {
      if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
      continue;
    }
    const differs = mark && match.matches(MARKED) && readContent(match) !== readContent(wanted);
    morph(match, wanted, mark);
    if (differs) highlight(match);
  }
  while (place) {
    const child = place;
    place = place.nextSibling;
    if (
      !isHeld(child) &&
      !(child.nodeType === 1 && child.contains(document.activeElement) &&
        queryAll("form:not([data-asof])", child).some(isEdited))
    ) child.remove();
  }
}

function highlight(element) {
  element.classList.remove("changed");
  void element.offsetWidth;
  element.classList.add("changed");
  setTimeout(() => element.classList.remove("changed"), 6000);
}

function keepPlace(change) {
  const under = document.elementFromPoint(innerWidth / 3, 140)?.closest("[id]");
  const before = under?.getBoundingClientRect().top;
  change();
  if (under?.isConnected && scrollY > 0) scrollBy(0, under.getBoundingClientRect().top - before);
}

// Whoever walks the rows by keys goes on from the same row, wherever it stands now; or, where it
// has left the page, from the place at which it stood.
const walk = { leftPlace: -1 };
function keepSelection(change) {
  const row = query("[data-row].selected");
  const place = findRows().indexOf(row);
  const isFocused = row?.contains(document.activeElement);
  change();
  if (!row || row.isConnected) return;
  const moved = row.id && document.getElementById(row.id);
  if (moved) selectRow(moved, isFocused);
  else walk.leftPlace = place;
}

let pageNumber = 0;
async function fetchPage(address) {
  const turn = pageNumber;
  const response = await fetch(address, {
    // A replica may not have the event yet after which a page is read again.
    headers: { Accept: "text/html", "Cache-Control": "no-cache" },
    signal: AbortSignal.timeout(15000),
  });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    throw new Error("signed out");
  }
  if (!response.ok && response.status >= 500) throw new Error(`${response.status}`);
  const text = await response.text();
  return turn === pageNumber ? new DOMParser().parseFromString(text, "text/html") : null;
}

async function refresh() {
  const address = location.href;
  const answer = await fetchPage(address);
  if (!answer || address !== location.href) return;
  // Whoever listens anew is told what came after this.
  if (answer.body.dataset.live && document.body.dataset.live) {
    document.body.dataset.live = answer.body.dataset.live;
  }
  keepPlace(() =>
    keepSelection(() => {
      for (const part of queryAll("[data-part]")) {
        const fresh = part.id && answer.getElementById(part.id);
        if (fresh) morph(part, fresh, true);
      }
    })
  );
  enhance();
}

async function showPage(address) {
  pageNumber++;
  const answer = await fetchPage(address);
  if (!answer) return;
  showStatus();
  history.replaceState(null, "", address);
  document.title = answer.title;
  walk.leftPlace = -1;
  morph(query("main"), query("main", answer), false);
  if (answer.body.dataset.live) document.body.dataset.live = answer.body.dataset.live;
  else delete document.body.dataset.live;
  enhance();
  openStream();
}

// --- live

const statusLine = query("#line");
let stream, lossTimer, pollTimer, refreshTimer, isRefreshing, isRefreshWanted, lastRefresh = 0;
function showStatus(text, address) {
  statusLine.hidden = !text;
  statusLine.textContent = text || "";
  if (address) {
    statusLine.append(
      " ",
      Object.assign(document.createElement("a"), { href: address, textContent: "Sign in" }),
    );
  }
}
function handleFailure(error) {
  if (error.message === "signed out") {
    stream?.close();
    clearInterval(pollTimer);
    showStatus(
      "Your session has ended; what you see may be old.",
      `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`,
    );
  } else showStatus("The connection is lost; trying again.");
}
function scheduleRefresh() {
  // At once; then, however much happens, one page at a time and not two a second.
  isRefreshWanted = true;
  if (refreshTimer || isRefreshing) return;
  refreshTimer = setTimeout(async () => {
    refreshTimer = isRefreshWanted = false;
    isRefreshing = true;
    let rest = 0;
    await refresh().then(() => showStatus(), (error) => {
      handleFailure(error);
      isRefreshWanted ||= error.message !== "signed out";
      rest = 2000;
    });
    isRefreshing = false;
    lastRefresh = performance.now() + rest;
    if (isRefreshWanted) scheduleRefresh();
  }, Math.max(80, lastRefresh + 600 - performance.now()));
}
function openStream() {
  stream?.close();
  stream = null;
  clearTimeout(lossTimer);
  clearInterval(pollTimer);
  const { live, types } = document.body.dataset;
  if (!live || document.hidden) return;
  let opened = false;
  stream = new EventSource(live + (query("#work-count") ? "&inbox=true" : ""));
  stream.onopen = () => {
    clearTimeout(lossTimer);
    showStatus();
    showCount();
    if (opened) scheduleRefresh();
    opened = true;
  };
  stream.onerror = () => {
    clearTimeout(lossTimer);
    lossTimer = setTimeout(() => showStatus("The connection is lost; trying again."), 1500);
    if (stream?.readyState !== EventSource.CLOSED) return;
    // Refused: too many streams, or signed out. The page looks for itself, and asks again.
    clearInterval(pollTimer);
    pollTimer = setInterval(() => refresh().then(openStream, handleFailure), 5000);
  };
  for (const type of (types || "").split(" ")) stream.addEventListener(type, scheduleRefresh);
  stream.addEventListener("inbox", () => {
    showCount();
    scheduleRefresh();
  });
}
document.addEventListener("visibilitychange", () => {
  // Browsers keep six connections to a server: a page that nobody sees gives its own back.
  if (document.hidden) {
    stream?.close();
    clearInterval(pollTimer);
    clearTimeout(lossTimer);
  } else if (document.body.dataset.live) {
    refresh().then(openStream, (error) => (openStream(), handleFailure(error)));
  }
});
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && openStream());

// --- as of: the plain choice becomes a slider over the record

function addSlider(form) {
  const select = query("select", form);
  if (!select || query("input[type=range]", form)) return;
  const range = Object.assign(document.createElement("input"), {
    type: "range",
    min: 0,
    max: select.options.length - 1,
    value: select.selectedIndex,
  });
  range.setAttribute("aria-label", "As of");
  const output = document.createElement("output");
  const showInstant = () => {
    output.textContent = select.options[range.value].text;
    range.setAttribute("aria-valuetext", output.textContent);
  };
  let timer;
  range.addEventListener("input", () => {
    showInstant();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const instant = select.options[range.value].value;
      const top = range.getBoundingClientRect().top;
      // The handle stays under the hand, though what stands above it grows.
      showPage(form.action + (instant ? `?as_of=${encodeURIComponent(instant)}` : "")).then(
        () => scrollBy(0, range.getBoundingClientRect().top - top),
        handleFailure,
      );
    }, 60);
  });
  select.hidden = true;
  select.disabled = true;
  select.before(output);
  form.append(range);
  showInstant();
}

// --- forms

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  form.dataset.sent = "";
  // Not before the browser has taken the button's own name and address.
  setTimeout(() => queryAll("button", form).forEach((button) => (button.disabled = true)));
  // Whoever stopped waiting for the answer may send it again: it is carried out once.
  setTimeout(enableButtons, 15000);
});
const enableButtons = () =>
  queryAll("[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    queryAll("button", form).forEach((button) => (button.disabled = false));
  });
addEventListener("pageshow", enableButtons);
addEventListener("beforeunload", (event) => {
  if (!query("[data-sent]") && queryAll("[data-guard]").some(isEdited)) event.preventDefault();
});
// A status that was chosen offers what speaks for it, and ticks what the evidence counts.
document.addEventListener("change", ({ target }) => {
  if (target.name !== "to" || !target.form?.matches(".decide")) return;
  for (const cite of queryAll("[data-fits]", target.form)) {
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

const searchField = query("#q");
let searchTimer;
if (searchField && (location.pathname === "/" || location.pathname === "/search")) {
  searchField.addEventListener("input", () => {
    clearTimeout(searchTimer);
    const text = searchField.value.trim();
    if (text.length === 1) return;
    searchTimer = setTimeout(
      () => showPage(text ? `/search?q=${encodeURIComponent(text)}` : "/").catch(handleFailure),
      200,
    );
  });
}

// --- ages and panels

function updateAges() {
  for (const time of queryAll("time[data-ago]")) {
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
const placePanels = () =>
  queryAll(".panel").forEach((panel) =>
    sheet.replaceSync(
      `:root { --stick: ${Math.min(12, innerHeight - panel.offsetHeight - 12)}px; }`,
    )
  );
const panelSizes = new ResizeObserver(placePanels);
addEventListener("resize", placePanels);
function enhance() {
  queryAll(".panel").forEach((panel) => panelSizes.observe(panel));
  queryAll("[data-copy], [data-help], [data-find], [data-print]").forEach((
    element,
  ) => (element.hidden = false));
  queryAll("[data-asof]").forEach(addSlider);
}

enhance();
openStream();
// What is wrong with a form is where one goes on from.
const fault = query("main [role=alert]");
if (fault && !query("[autofocus]")) {
  fault.tabIndex = -1;
  fault.focus();
}
setInterval(updateAges, 30000);
