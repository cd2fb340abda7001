// Selecting a passage fills the form; claims that may be the same show as one types.

const text = document.querySelector("#text"), form = document.querySelector("#passage");
const field = (name) => form.elements[name];

function readOffset(node, at) {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, at);
  return range.toString().length;
}

function takeSelection() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  if (!text.contains(range.commonAncestorContainer)) return;
  const words = range.toString(), begin = words.length - words.trimStart().length;
  if (!words.trim()) return;
  // The marks around a quotation are the article's, and easily caught at one end only.
  const unquoted = words.trim().replace(/^[“”"„«»]+|[“”"„«»]+$/g, "").trim(),
    keepsMarks = !unquoted || /[“”"„«»]/.test(unquoted);
  field("quote").value = keepsMarks ? words.trim() : unquoted;
  const at = readOffset(range.startContainer, range.startOffset) +
    (keepsMarks ? begin : words.indexOf(unquoted));
  // In characters: what a script counts as two (😀) is one to the server.
  field("near").value = [...text.textContent.slice(0, at)].length;
  judgeRendering(words.trim(), at);
  offerSpeakers(at, words.trim().length);
}

// Marks that open a quotation, and those that close it: “English”, „Serbian“, «French», »German«.
const CLOSED_BY = { "“": "”", "„": "“”", "«": "»", "»": "«", '"': '"' };

// The mark of the quotation that is open where `words` end, or "" where none is.
function openMark(words) {
  let open = "";
  for (const mark of words) {
    if (open) open = CLOSED_BY[open].includes(mark) ? "" : open;
    else if (mark in CLOSED_BY) open = mark;
  }
  return open;
}

// What stands within one quotation was said so; the rest is the article's account of it.
function judgeRendering(words, at) {
  const before = text.textContent.slice(0, at),
    paragraph = before.slice(before.lastIndexOf("\n\n") + 1);
  const first = words[0], inner = words.slice(1, -1);
  const hasQuotationMarks = first in CLOSED_BY && CLOSED_BY[first].includes(words.at(-1)) &&
    openMark(first + inner) === first;
  const isWithinQuotation = openMark(paragraph) &&
    openMark(paragraph + words.slice(0, -1)) === openMark(paragraph);
  setRendering(
    hasQuotationMarks || isWithinQuotation ? "verbatim" : "paraphrase",
    hasQuotationMarks || isWithinQuotation
      ? "Within quotation marks: word for word."
      : "Not within quotation marks: the article’s own account.",
  );
}

// Whoever is known and is named in the sentence of the words, or in the one beside it, is offered;
// nobody is filled in unseen.
const normalizeSpelling = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const offerLine = document.querySelector("#offered-speakers");
const knownSpeakers = [...document.querySelectorAll("#speakers option")].map((option) => ({
  name: option.value,
  role: option.textContent.trim(),
  party: option.dataset.party,
}));

function readNeighbours(at, length) {
  const content = text.textContent, begin = content.lastIndexOf("\n\n", at) + 1;
  const paragraph = content.slice(begin).split("\n\n", 1)[0];
  const segments = [...new Intl.Segmenter("en", { granularity: "sentence" }).segment(paragraph)];
  const places = segments.flatMap(({ index, segment }, place) =>
    begin + index < at + length && begin + index + segment.length > at ? [place] : []
  );
  return segments.slice(Math.max(0, places[0] - 1), places.at(-1) + 2)
    .map(({ segment }) => segment).join("");
}

function offerSpeakers(at, length) {
  const nearby = ` ${normalizeSpelling(readNeighbours(at, length)).replace(/[^\p{L}]+/gu, " ")} `;
  const named = knownSpeakers.filter(({ name }) => {
    const surname = normalizeSpelling(name).split(/\s+/).at(-1);
    return surname.length > 2 && nearby.includes(` ${surname} `);
  }).slice(0, 3);
  offerLine.replaceChildren(...named.map((speaker) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.dir = "auto";
    button.textContent = [speaker.name, speaker.role].filter(Boolean).join(", ");
    button.addEventListener("click", () => {
      field("speaker").value = speaker.name;
      fillVoice(speaker);
    });
    return button;
  }));
  if (named.length) offerLine.prepend("Named beside the words: ");
}

function fillVoice({ role, party }) {
  field("role").value = role;
  field("party").value = party;
  field("party").dispatchEvent(new Event("input", { bubbles: true }));
}

// A speaker who is known by one role for one party brings both along.
field("speaker").addEventListener("input", () => {
  const [speaker, ...others] = knownSpeakers.filter(({ name }) => name === field("speaker").value);
  if (speaker && !others.length) fillVoice(speaker);
});

const reasonLine = document.querySelector("#rendering-why");
let isChosen = false;
function setRendering(rendering, reason) {
  field("rendering").value = rendering;
  reasonLine.textContent = reason;
  isChosen = false;
}
field("rendering").addEventListener("change", () => {
  isChosen = true;
  reasonLine.textContent = "";
});

// Words typed over a selection are the article's no longer, and word for word no longer.
const collapseSpace = (words) => words.replace(/\s+/g, " ").trim();
field("quote").addEventListener("input", () => {
  const read = collapseSpace(text.textContent);
  const parts = collapseSpace(field("quote").value).split(/ ?(?:\[…\]|\[\.\.\.\]|…|\.\.\.) ?/);
  if (parts.every((part) => read.includes(part))) reasonLine.textContent = "";
  else if (!isChosen && field("rendering").value === "verbatim") {
    setRendering("paraphrase", "These words do not stand in the text: paraphrased.");
  }
});
text.addEventListener("mouseup", () => setTimeout(takeSelection));
text.addEventListener("keyup", takeSelection);
document.addEventListener("touchend", () => setTimeout(takeSelection, 50));

let timer;
const similarList = document.querySelector("#similar");
async function showSimilar() {
  const words = field("claim").value;
  const query = new URLSearchParams({
    text: words,
    kind: field("kind").value,
    party: field("party").value,
  });
  const answer = await fetch(`/intake/similar?${query}`, { credentials: "same-origin" });
  if (answer.ok && !answer.redirected && words === field("claim").value) {
    similarList.replaceChildren(
      ...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes,
    );
  }
}
for (const name of ["claim", "kind", "party"]) {
  field(name).addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(showSimilar, 300);
  });
}

// Finding a claim: those of the story by their words, others by searching for them.
const findField = document.querySelector("#find"), stands = document.querySelector("#stands");
async function searchClaims(words) {
  const answer = await fetch(`/v1/claims?${new URLSearchParams({ q: words, limit: 8 })}`, {
    credentials: "same-origin",
  });
  if (!answer.ok || findField.value.trim() !== words) return;
  for (const claim of (await answer.json()).items) {
    let row = document.querySelector(`#stand-${claim.id}`)?.closest("li");
    if (!row) {
      row = document.querySelector("#stand").content.firstElementChild.cloneNode(true);
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
