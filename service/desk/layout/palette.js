// The command palette: the page /go within a dialog, as one types. Arrows move, Enter follows.

const palette = query("#palette"), paletteField = query("#palette input");
const found = query("#found");
let paletteTimer, paletteTurn = 0;

async function showDestinations() {
  const turn = ++paletteTurn;
  const answer = await fetch(`/go?q=${encodeURIComponent(paletteField.value.trim())}`, {
    headers: { Accept: "text/html" },
  });
  if (turn !== paletteTurn || !answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  found.replaceChildren(...page.querySelector("#destinations").childNodes);
  query("a", found)?.classList.add("chosen");
}
function openPalette() {
  if (!palette || query("dialog[open]")) return;
  palette.showModal();
  paletteField.select();
  showDestinations().catch(handleFailure);
}
function moveChoice(step) {
  const links = queryAll("a", found);
  const at = links.findIndex((link) => link.classList.contains("chosen"));
  const next = links[Math.max(0, Math.min(links.length - 1, at + step))];
  links[at]?.classList.remove("chosen");
  next?.classList.add("chosen");
  next?.scrollIntoView({ block: "nearest" });
}
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) print();
  if (!event.target.closest?.("[data-palette]") || !palette) return;
  event.preventDefault();
  event.target.closest("details")?.removeAttribute("open");
  openPalette();
});
paletteField?.addEventListener("input", () => {
  clearTimeout(paletteTimer);
  paletteTimer = setTimeout(() => showDestinations().catch(handleFailure), 120);
});
palette?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    moveChoice(step);
  } else if (event.key === "Enter" && event.target === paletteField) {
    event.preventDefault();
    clearTimeout(paletteTimer);
    showDestinations().then(() => query(".chosen", found)?.click(), handleFailure);
  }
});
