// Shows what has changed without losing the place on the page.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const focused = document.activeElement && document.activeElement.closest("form");
    if (next && !focused) document.querySelector("main").replaceWith(next);
    document.body.classList.remove("lost");
  } catch {
    document.body.classList.add("lost");
  }
}, 2000);
