// A picker searches as one types; what is chosen stays. Without this, its button searches.

function addSearch(picker) {
  const words = picker.querySelector("input[type=search]");
  const sought = picker.querySelector("input[type=hidden]");
  const found = picker.querySelector(".found"), kept = picker.querySelector(".kept");
  let timer, turn = 0;

  const search = async () => {
    clearTimeout(timer);
    const current = ++turn, text = words.value.trim();
    const answer = await fetch(`${picker.dataset.picker}&q=${encodeURIComponent(text)}`, {
      headers: { Accept: "text/html" },
      credentials: "same-origin",
    }).catch(() => null);
    if (current !== turn || !answer?.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const chosen = found.querySelector(":checked")?.closest("li");
    if (chosen) kept.append(chosen);
    const shown = new Set([...kept.querySelectorAll("input")].map(({ value }) => value));
    for (const input of page.querySelectorAll("li input")) {
      if (shown.has(input.value)) input.closest("li").remove();
    }
    found.replaceChildren(...page.body.childNodes);
    sought.value = text;
  };

  words.addEventListener("input", () => {
    clearTimeout(timer);
    if (words.value.trim().length !== 1) timer = setTimeout(search, 200);
  });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      search();
    } else if (event.key === "ArrowDown") {
      const first = picker.querySelector(".found input");
      if (!first) return;
      event.preventDefault();
      first.focus();
    }
  });
  picker.querySelector("button[name=find]").addEventListener("click", (event) => {
    event.preventDefault();
    search();
  });
}
for (const picker of document.querySelectorAll("[data-picker]")) addSearch(picker);
