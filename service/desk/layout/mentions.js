// --- @ and the beginning of a name, in a note: the names that go on so

const plainName = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
function closeNames() {
  query(".names")?.remove();
}
function insertName(field, begin, name) {
  field.setRangeText(`${name} `, begin, field.selectionStart, "end");
  closeNames();
  field.focus();
}
document.addEventListener("input", ({ target }) => {
  if (!target.matches?.("textarea[data-people]")) return;
  closeNames();
  const typed = target.value.slice(0, target.selectionStart).match(/(?:^|[\s(])@([^@\n]{0,40})$/);
  if (!typed) return;
  const begin = target.selectionStart - typed[1].length;
  const names = queryAll("#people option").map((option) => option.value)
    .filter((name) => plainName(name).startsWith(plainName(typed[1]))).slice(0, 6);
  if (!names.length) return;
  const list = Object.assign(document.createElement("p"), { className: "names" });
  for (const name of names) {
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      className: "small quiet",
      textContent: name,
    });
    button.addEventListener("click", () => insertName(target, begin, name));
    list.append(button, " ");
  }
  target.after(list);
});
document.addEventListener("keydown", (event) => {
  const list = query(".names");
  if (!list) return;
  if (event.key === "Escape") {
    list.previousElementSibling.focus();
    closeNames();
  } else if (event.key === "ArrowDown" && event.target === list.previousElementSibling) {
    event.preventDefault();
    query("button", list).focus();
  } else if (/^Arrow(Down|Right|Up|Left)$/.test(event.key) && list.contains(event.target)) {
    event.preventDefault();
    const step = /Down|Right/.test(event.key) ? "nextElementSibling" : "previousElementSibling";
    event.target[step]?.focus();
  }
});
