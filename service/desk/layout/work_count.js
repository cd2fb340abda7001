// --- how much waits, in the menu of every page

let countTimer, countStream;
function showCount() {
  clearTimeout(countTimer);
  if (!query("#work-count")) return;
  countTimer = setTimeout(async () => {
    const response = await fetch("/work-count").catch(() => null);
    const counter = query("#work-count");
    if (!response?.ok || response.redirected || !counter) return;
    const count = await response.text();
    counter.textContent = count === "0" ? "" : count;
    // Where the menu is closed, its button says it.
    query("#menu-count").hidden = count === "0";
    query("#menu-count b").textContent = count;
  }, 150);
}
function watchCount() {
  countStream?.close();
  countStream = null;
  if (document.hidden || !query("#work-count")) return;
  // A page that listens to everything is read again, with the count on it.
  if (/stream\?after=[^&]*$/.test(document.body.dataset.live || "")) return;
  countStream = new EventSource("/v1/events/stream?inbox=true");
  // What came while the page was on its way.
  countStream.onopen = showCount;
  for (const type of `${document.body.dataset.types || ""} inbox`.split(" ")) {
    countStream.addEventListener(type, showCount);
  }
}
document.addEventListener("visibilitychange", () => {
  watchCount();
  if (!document.hidden && query("#work-count")) showCount();
});
addEventListener("pagehide", () => countStream?.close());
watchCount();
// Where the stream was refused, and for what is overdue from some moment on.
setInterval(() => !document.hidden && query("#work-count") && showCount(), 20000);
