"use strict";
// Sorting, printing and the link between the figure and its tables. The page is complete without it.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.kind === "text" ? "ascending" : "descending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row, index) => {
        const cell = row.cells[column];
        const sort = cell.dataset.sort;
        const text = head.dataset.kind === "text" && sort === undefined ? cell.textContent.trim() : null;
        return { row, index, text, value: sort === undefined ? null : Number(sort) };
      });
      rows.sort((a, b) => {
        if (a.text !== null) return sign * a.text.localeCompare(b.text) || a.index - b.index;
        if (a.value === null || b.value === null) return (a.value === null) - (b.value === null) || a.index - b.index;
        return sign * (a.value - b.value) || a.index - b.index; // what has no value stays last
      });
      body.append(...rows.map((each) => each.row));
    });
  });
}
for (const row of document.querySelectorAll("tr[data-point]")) {
  const point = document.getElementById("point-" + row.dataset.point);
  const mark = (on) => point && point.classList.toggle("marked", on);
  row.addEventListener("mouseenter", () => mark(true));
  row.addEventListener("mouseleave", () => mark(false));
}
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
};
addEventListener("hashchange", open);
open();
