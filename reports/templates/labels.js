"use strict";
// The label sheet: keys, progress, what this browser keeps, and the file that is saved. Nothing is sent.
(() => {
  const sheet = document.body.dataset.sheet;
  const asked = [...document.querySelectorAll("fieldset.asked")];
  const byId = (name) => document.getElementById(name);
  const name = byId("labeller"), progress = byId("progress"), meter = byId("meter"), warning = byId("warning");
  const place = `ladder-bench labels ${sheet}`;
  let here = -1, kept = true, saved = true;

  const note = (field) => field.querySelector(".note input");
  const label = (field) => field.querySelector("input:checked")?.value ?? "";
  const warn = (text) => { warning.textContent = text; warning.hidden = !text; };

  const keep = () => {
    const found = Object.create(null);
    for (const field of asked) {
      if (label(field) || note(field).value) found[field.dataset.id] = [label(field), note(field).value];
    }
    try {
      localStorage.setItem(place, JSON.stringify({ labeller: name.value, labels: found }));
      kept = true;
    } catch {
      kept = false;
      warn("This browser keeps nothing: save your labels before you close the page.");
    }
  };

  const restore = () => {
    try {
      const found = JSON.parse(localStorage.getItem(place) ?? "null");
      if (!found) return;
      name.value = String(found.labeller ?? "");
      for (const field of asked) {
        const [word, text] = found.labels?.[field.dataset.id] ?? ["", ""];
        for (const each of field.querySelectorAll("input[type=radio]")) each.checked = each.value === word;
        note(field).value = String(text ?? "");
      }
    } catch {
      kept = false;
      warn("This browser keeps nothing: save your labels before you close the page.");
    }
  };

  const count = () => {
    const done = asked.filter(label).length;
    progress.textContent = `${done} of ${asked.length} labelled`;
    meter.value = done;
  };

  const changed = () => { saved = false; keep(); count(); };

  const go = (to, focus = true) => {
    if (!asked.length) return;
    asked[here]?.classList.remove("here");
    const before = asked[here]?.closest(".card");
    here = Math.max(0, Math.min(asked.length - 1, to));
    const field = asked[here], card = field.closest(".card");
    field.classList.add("here");
    if (!focus) return;
    field.focus({ preventScroll: true });
    if (card !== before) card.scrollIntoView({ block: "start" });
    const box = field.getBoundingClientRect();
    if (box.top < 90 || box.bottom > innerHeight) field.scrollIntoView({ block: "center" });
  };

  const unlabelled = () => {
    const order = asked.map((_, at) => (here + 1 + at) % asked.length);
    const next = order.find((at) => !label(asked[at]));
    if (next !== undefined) go(next);
  };

  const say = (at) => {
    const choices = [...asked[here].querySelectorAll("input[type=radio]")];
    choices.forEach((each, number) => { each.checked = number === at; });
    changed();
    if (at >= 0) go(here + 1);
  };

  const save = () => {
    const lines = asked.map((field) => JSON.stringify({
      id: field.dataset.id, label: label(field), note: note(field).value, labeller: name.value.trim(), sheet,
    }));
    const link = document.createElement("a");
    const url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "application/jsonl" }));
    link.href = url;
    const who = name.value.trim().replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 40);
    link.download = `labels-${sheet.slice(0, 6)}${who ? `-${who}` : ""}.jsonl`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    saved = true;
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio])");
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
    const keys = {
      1: () => say(0), 2: () => say(1), 3: () => say(2), 0: () => say(-1),
      n: () => go(here + 1), p: () => go(here - 1), u: unlabelled, Escape: () => go(here),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  asked.forEach((field, at) => {
    field.addEventListener("change", () => { go(at, false); changed(); });
    field.addEventListener("focusin", () => { if (at !== here) go(at, false); });
    note(field).addEventListener("input", changed);
  });
  name.addEventListener("input", changed);
  byId("save").addEventListener("click", save);
  byId("next").addEventListener("click", unlabelled);
  addEventListener("beforeunload", (event) => { if (!kept && !saved) event.preventDefault(); });

  document.body.classList.add("live");
  restore();
  count();
  go(0, false);
})();
