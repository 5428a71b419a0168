// Vigie's own few lines: the page follows what happens without losing what is
// typed, and says how many rows are picked. Everything works without it.
"use strict";
(() => {
  const main = document.getElementById("main");

  // What somebody has begun to fill in stays as it is.
  const touched = (el) => el.closest && el.closest("form[data-touched]");
  document.addEventListener("input", (e) => {
    const form = e.target.closest("form[data-keep], form.many, form.search, form[data-form]");
    if (form) form.dataset.touched = "yes";
  });

  // A double click sends a form once: the second would only hear that something has
  // changed meanwhile, which is its own first.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) e.preventDefault();
    e.target.dataset.sent = "yes";
    setTimeout(() => delete e.target.dataset.sent, 3000);
  });

  const picked = () => {
    const bar = document.querySelector("[data-picked]");
    if (!bar) return;
    const n = document.querySelectorAll(".pick input:checked").length;
    bar.textContent = n === 0 ? bar.getAttribute("data-text-0") : n === 1 ? bar.getAttribute("data-text-1") : bar.getAttribute("data-text-n").replace("{n}", n);
    bar.closest("form").classList.toggle("some", n > 0);
  };
  const needs = () => {
    const form = document.getElementById("many");
    if (!form) return;
    const act = form.elements.purpose.value;
    form.elements.to.hidden = act !== "assign";
    form.elements.text.hidden = act !== "note" && act !== "silence";
  };
  document.addEventListener("change", (e) => {
    if (e.target.matches(".pick input")) picked();
    if (e.target.id === "many-purpose") needs();
  });
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-print]")) print();
  });
  picked();
  needs();

  if (!main || !main.hasAttribute("data-live") || !window.EventSource || !window.Idiomorph) return;

  const keep = (old) => {
    if (old.nodeType !== Node.ELEMENT_NODE) return true;
    if (old.matches("form[data-touched]") || old.matches("details.person")) return false;
    return true;
  };
  const refresh = async () => {
    let answer;
    try {
      answer = await fetch(location.href, { headers: { "X-Vigie-Refresh": "1" }, credentials: "same-origin" });
    } catch {
      return;
    }
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (!fresh) return;
    const checked = new Set([...document.querySelectorAll(".pick input:checked")].map((x) => x.value));
    const opened = new Set([...document.querySelectorAll("main details[id][open]")].map((x) => x.id));
    // What became of an act is said once; the page's own notices come anew.
    const said = document.getElementById("said");
    if (said && !fresh.querySelector("#said")) fresh.prepend(said.cloneNode(true));
    for (const d of fresh.querySelectorAll("details[id]")) if (opened.has(d.id)) d.open = true;
    for (const d of fresh.querySelectorAll(".pick input[type=checkbox]")) if (checked.has(d.value)) d.setAttribute("checked", "");
    Idiomorph.morph(main, fresh.innerHTML, {
      morphStyle: "innerHTML",
      ignoreActiveValue: true,
      callbacks: { beforeNodeMorphed: keep, beforeNodeRemoved: (n) => !(n.nodeType === Node.ELEMENT_NODE && touched(n)) },
    });
    for (const box of document.querySelectorAll(".pick input[type=checkbox]")) box.checked = checked.has(box.value);
    picked();
    needs();
  };

  let waiting = false;
  let again = false;
  const soon = async () => {
    if (document.hidden || waiting) {
      again = true;
      return;
    }
    waiting = true;
    await refresh();
    waiting = false;
    if (again) {
      again = false;
      setTimeout(soon, 1000);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && again) {
      again = false;
      soon();
    }
  });
  const state = document.querySelector("[data-live-state]");
  const source = new EventSource("/changes");
  source.addEventListener("changed", soon);
  source.addEventListener("open", () => { if (state) state.textContent = state.dataset.yes; });
  source.addEventListener("error", () => { if (state) state.textContent = state.dataset.no; });
  // Time itself moves deadlines.
  setInterval(soon, 60000);
})();
