// Selecting a passage fills the form; what is guessed of it is shown, and whoever may speak is
// offered. From the text, keys do the rest; claims that may be the same show as one types.

const find = (selector) => document.querySelector(selector);
const text = find("#text"), form = find("#passage");
const field = (name) => form.elements[name];
// The article's own address: after a fault, the page stands at the one that the form is sent to.
const ARTICLE = form.getAttribute("action").replace(/\/passages$/, "");
const normalizeSpelling = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const readPart = async (answer) =>
  new DOMParser().parseFromString(await answer.text(), "text/html").body;

// In characters: what a script counts as two (😀) is one to the server.
function readOffset(node, at) {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, at);
  return [...range.toString()].length;
}

function takeSelection() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  if (!text.contains(range.commonAncestorContainer)) return;
  const words = range.toString();
  if (!words.trim()) return;
  // The marks around a quotation are the article's, and easily caught at one end only.
  const unquoted = words.trim().replace(/^[“”"„«»]+|[“”"„«»]+$/g, "").trim(),
    taken = !unquoted || /[“”"„«»]/.test(unquoted) ? words.trim() : unquoted;
  const begin = readOffset(range.startContainer, range.startOffset) +
    [...words.slice(0, words.indexOf(taken))].length;
  if (find("#guesses") && field("quote").value === taken && field("near").value === `${begin}`) {
    return;
  }
  if (translationButton.ariaPressed === "true") return takeTranslation(taken, begin);
  field("quote").value = taken;
  field("near").value = begin;
  // New words inherit nothing of those before.
  fillFields({ translation: "", translation_language: "" });
  find("#statement .kept input").checked = true;
  showKnown();
  const before = ["said_on", "said_in"].map((name) => [name, field(name).defaultValue]);
  fillFields(Object.fromEntries(before), edited);
  edited.delete("rendering");
  text.focus({ preventScroll: true });
  guessing = showGuesses(begin, begin + [...taken].length);
}
text.addEventListener("mouseup", () => setTimeout(takeSelection));
text.addEventListener("keyup", takeSelection);
document.addEventListener("touchend", () => setTimeout(takeSelection, 50));

// --- the same words in another language, and a statement that is recorded already

const translationButton = find("#take-translation"), voice = find("#voice");
translationButton.addEventListener("click", () => {
  const isPressed = translationButton.ariaPressed === "true";
  translationButton.ariaPressed = `${!isPressed}`;
  if (!isPressed) text.focus({ preventScroll: true });
});
async function takeTranslation(taken, begin) {
  translationButton.ariaPressed = "false";
  fillFields({ translation: taken });
  const part = await fetchGuesses(begin, begin + [...taken].length).catch(() => null);
  if (!part || field("translation").value !== taken) return;
  const { language } = JSON.parse(part.firstElementChild.dataset.fill);
  fillFields({ translation_language: language });
}
// Whose words they are and when is then as it is recorded.
const showKnown = () => voice.disabled = !!field("statement").value;
form.addEventListener("change", ({ target }) => target.name === "statement" && showKnown());
showKnown();
// Its search is loaded where somebody asks for it.
const knownDetails = find("#known");
const loadSearch = () => knownDetails.open && import(knownDetails.dataset.script);
knownDetails.addEventListener("toggle", loadSearch);
loadSearch();

// --- what is guessed: filled in where nobody has chosen yet, with why; a voice only when taken

const edited = new Set(), reasonLine = find("#rendering-why");
let guessing = null;
async function fetchGuesses(begin, end) {
  const query = new URLSearchParams({ begin, end });
  const answer = await fetch(`${ARTICLE}/guesses?${query}`, {
    signal: AbortSignal.timeout(8000),
  });
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  return readPart(answer);
}
async function showGuesses(begin, end) {
  form.setAttribute("aria-busy", "true");
  try {
    const part = await fetchGuesses(begin, end);
    if (field("near").value !== `${begin}`) return;
    reasonLine.replaceChildren(...part.childNodes);
    const { fill, likely } = reasonLine.firstElementChild.dataset;
    fillFields(JSON.parse(fill), edited);
    for (const claim of likely.split(" ").reverse()) {
      const row = claim && find(`#stand-${claim}`)?.closest("li");
      if (row) stands.prepend(row);
    }
  } catch {
    reasonLine.textContent = "Nothing could be guessed: check the wording and the day yourself.";
  }
  form.removeAttribute("aria-busy");
}

function fillFields(values, kept) {
  for (const [name, value] of Object.entries(values)) {
    if (kept?.has(name)) continue;
    field(name).value = value;
    if (value) field(name).closest("details")?.setAttribute("open", "");
  }
  if (!kept) field("party").dispatchEvent(new Event("input", { bubbles: true }));
}
form.addEventListener("input", ({ target }) => edited.add(target.name));
field("kind").addEventListener("input", () => {
  if (field("kind").value === "figure") field("figure_value").closest("details").open = true;
});
form.addEventListener("click", ({ target }) => {
  const button = target.closest("#guesses [data-fill]"), filled = button?.dataset.fill;
  if (!filled) return;
  const peers = button.matches(VOICES) ? VOICES : `#${button.parentElement.id} button`;
  for (const each of document.querySelectorAll(peers)) each.ariaPressed = `${each === button}`;
  fillFields(JSON.parse(filled));
  if ("claim" in JSON.parse(filled)) field("claim").focus();
});

// A speaker who is known by one role for one party brings both along.
field("speaker").addEventListener("input", () => {
  const [option, ...others] = [...document.querySelectorAll("#speakers option")]
    .filter(({ value }) => value === field("speaker").value);
  if (!option || others.length) return;
  fillFields({ role: option.textContent.trim(), party: option.dataset.party });
});

// Words typed over a selection are the article's no longer, and word for word no longer.
const collapseSpace = (words) => words.replace(/\s+/g, " ").trim();
field("quote").addEventListener("input", () => {
  const read = collapseSpace(text.textContent);
  const parts = collapseSpace(field("quote").value).split(/ ?(?:\[…\]|\[\.\.\.\]|…|\.\.\.) ?/);
  if (parts.every((part) => read.includes(part))) reasonLine.textContent = "";
  else if (!edited.has("rendering") && field("rendering").value === "verbatim") {
    field("rendering").value = "paraphrase";
    reasonLine.textContent = "These words do not stand in the text: paraphrased.";
  }
});

// --- keys, from the text

const STANCES = { s: "supports", c: "contradicts", r: "requests_confirmation", m: "comments" },
  BASES = { o: "own_observation", d: "documents", t: "third_party", x: "restates_claimant" };
const VOICES = "#guesses p:not(#offered-days, #offered-wording) button";
let stance = "";
const KEYS = {
  Enter: () => form.requestSubmit(),
  n() {
    const taken = find("#offered-wording button");
    if (taken && !field("claim").value) taken.click();
    field("claim").focus();
  },
  e: () => find("#offered-recorded input")?.click(),
  l: () => translationButton.click(),
  i: () => field("conditional").click(),
  p: () => field("partial").click(),
};
text.addEventListener("keydown", async (event) => {
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !field("quote").value) return;
  if (!Object.hasOwn(KEYS, key) && !(key in STANCES) && !(key in BASES) && !/^[1-9]$/.test(key)) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  await guessing;
  if (key in STANCES) stance = STANCES[key];
  else if (key in BASES) field("basis").value = BASES[key];
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else if (stance) {
    const row = [...stands.children].filter((each) => !each.hidden)[key - 1];
    if (row) row.querySelector("select").value = stance;
    stance = "";
  } else document.querySelectorAll(VOICES)[key - 1]?.click();
});
form.addEventListener("keydown", (event) => {
  const isSent = event.target.id === "claim" || event.ctrlKey && event.target.tagName !== "BUTTON";
  if (event.key !== "Enter" || event.shiftKey || !isSent) return;
  event.preventDefault();
  form.requestSubmit();
});

// What is guessed is seen before it is sent; the page then stays where it was.
const PLACE = `place ${ARTICLE}`, panel = form.closest(".panel");
form.addEventListener("submit", (event) => {
  if (form.hasAttribute("aria-busy")) {
    event.preventDefault();
    event.stopPropagation();
    guessing.then(() => form.requestSubmit());
  }
  sessionStorage.setItem(PLACE, `${scrollY} ${text.scrollTop}`);
});
const [top, inner] = (sessionStorage.getItem(PLACE) || "").split(" ");
if (inner) {
  text.scrollTop = inner;
  // Where the form moves along with the text, so do its faults.
  if (!find("#faults") || getComputedStyle(panel).position === "sticky") scrollTo(0, top);
}
sessionStorage.removeItem(PLACE);

// The panel reaches to the foot of the window, from wherever scrolling has brought its head; but
// what is pressed stays under the pointer, or the click is lost.
let isPressed = false;
function measurePanel() {
  if (isPressed) return;
  const head = Math.max(panel.getBoundingClientRect().top, 0);
  panel.style.setProperty("--from", `${head + 12}px`);
}
for (const name of ["scroll", "resize"]) addEventListener(name, measurePanel, { passive: true });
for (const name of ["pointerdown", "pointerup", "pointercancel"]) {
  addEventListener(name, () => {
    isPressed = name === "pointerdown";
    setTimeout(measurePanel);
  });
}
measurePanel();

// --- claims: those that may be the same, and those that a passage bears on

let timer;
const similarList = find("#similar");
async function showSimilar() {
  const words = field("claim").value;
  const query = new URLSearchParams({
    text: words,
    kind: field("kind").value,
    party: field("party").value,
  });
  const answer = await fetch(`/intake/similar?${query}`);
  if (answer.ok && !answer.redirected && words === field("claim").value) {
    similarList.replaceChildren(...(await readPart(answer)).childNodes);
  }
}
for (const name of ["claim", "kind", "party"]) {
  field(name).addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(showSimilar, 300);
  });
}

// The next word of a claim, where it goes on as a recorded claim or the text: not typed twice.
const nextLine = find("#next-word"), claimField = field("claim");
let known = [], nextWord = "";
claimField.addEventListener("focus", () => {
  const names = [...stands.querySelectorAll("label"), ...field("party").options];
  known = [...names.map((each) => each.textContent), ...text.textContent.split(/[.,;:!?“”„«»]+/)]
    .map((each) => ` ${collapseSpace(each)}`);
});
function findNextWord(value) {
  const words = value.toLowerCase().split(/\s+/), begun = words.at(-1);
  for (const count of [3, begun ? 2 : 0, begun.length > 1 ? 1 : 0]) {
    if (!count || words.length < count) continue;
    const wanted = ` ${words.slice(-count).join(" ")}`;
    for (const line of known) {
      const at = line.toLowerCase().indexOf(wanted);
      const rest = at < 0 ? "" : line.slice(at + wanted.length);
      const next = rest.match(/^[\p{L}\p{N}][\p{L}\p{N}’'-]*/u);
      if (next) return next[0];
    }
  }
  return "";
}
function offerNextWord() {
  const { value, selectionStart } = claimField;
  nextWord = value && selectionStart === value.length ? findNextWord(value) : "";
  nextLine.textContent = nextWord && `→ …${nextWord}`;
}
claimField.addEventListener("input", offerNextWord);
claimField.addEventListener("keydown", (event) => {
  const onward = getComputedStyle(claimField).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const { value, selectionStart } = claimField;
  if (event.key !== onward || !nextWord || selectionStart !== value.length) return;
  event.preventDefault();
  claimField.value += `${nextWord} `;
  claimField.dispatchEvent(new Event("input", { bubbles: true }));
});

// Finding a claim: those of the story by their words, others by searching for them.
const findField = find("#find"), stands = find("#stands");
async function searchClaims(words) {
  const answer = await fetch(`/v1/claims?${new URLSearchParams({ q: words, limit: 8 })}`);
  if (!answer.ok || findField.value.trim() !== words) return;
  for (const claim of (await answer.json()).items) {
    let row = find(`#stand-${claim.id}`)?.closest("li");
    if (!row) {
      row = find("#stand").content.firstElementChild.cloneNode(true);
      const [label, select] = row.children;
      label.textContent = claim.text;
      label.htmlFor = select.id = select.name = `stand-${claim.id}`;
      stands.append(row);
    }
    row.hidden = false;
  }
}
findField.addEventListener("input", () => {
  const words = findField.value.trim(), wanted = normalizeSpelling(words).split(/\s+/);
  for (const row of stands.children) {
    row.hidden = !!words && !row.querySelector("select")?.value &&
      !wanted.every((word) => normalizeSpelling(row.textContent).includes(word));
  }
  clearTimeout(timer);
  if (words.length > 2) timer = setTimeout(() => searchClaims(words), 250);
});
findField.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
