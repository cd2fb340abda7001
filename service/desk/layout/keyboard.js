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
function moveSelection(step) {
  const rows = queryAll("[data-row]").filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("selected"));
  const next = rows[
    Math.max(0, Math.min(rows.length - 1, at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step))
  ];
  rows[at]?.classList.remove("selected");
  next.classList.add("selected");
  (query("a", next) || next).focus({ preventScroll: true });
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
