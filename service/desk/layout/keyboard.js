// Keys, copying and menus: what one does without leaving the page. It is served behind desk.js, as
// one script with it.

function copy(button) {
  const text = query(button.dataset.copy)?.innerText ?? button.dataset.text;
  navigator.clipboard.writeText(text).then(
    () => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    },
    () => getSelection().selectAllChildren(query(button.dataset.copy)),
  );
}
const findRows = () => queryAll("[data-row]").filter((row) => row.offsetParent);
function selectRow(row, isFocused) {
  queryAll("[data-row].selected").forEach((other) => other.classList.remove("selected"));
  row.classList.add("selected");
  if (isFocused) (query("a", row) || row).focus({ preventScroll: true });
}
function moveSelection(step) {
  const rows = findRows();
  if (!rows.length) return;
  let at = rows.findIndex((row) => row.classList.contains("selected"));
  if (at < 0 && walk.leftPlace >= 0) at = step > 0 ? walk.leftPlace - 1 : walk.leftPlace;
  else if (at < 0 && step < 0) at = rows.length;
  walk.leftPlace = -1;
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  selectRow(next, true);
  next.scrollIntoView({ block: "nearest" });
}
const followMenu = (address) => query(`.top nav a[href="${address}"]`)?.click();
const KEYS = {
  "/": () => searchField?.focus(),
  j: () => moveSelection(1),
  k: () => moveSelection(-1),
  n: () => followMenu("/intake"),
  b: () => followMenu("/"),
  r: () => followMenu("/review"),
  c: () => query("[data-copy]")?.click(),
  "?": () => query("#help")?.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typed = event.target.closest?.(
    "input:not([type=range], [type=checkbox], [type=radio]), textarea, select",
  );
  if (event.key === "Escape") return typed?.blur();
  if (typed || query("dialog[open]") || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy], [data-help]");
  if (button?.dataset.copy) copy(button);
  else if (button) {
    button.closest("details").open = false;
    query("#help").showModal();
  } else {for (const menu of queryAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }}
});
