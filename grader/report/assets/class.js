// Sorting and filtering only: without this script every row is there, in the order of the page.
"use strict";
const order = new Intl.Collator(undefined, { numeric: true });

for (const table of document.querySelectorAll("table[data-sort]")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const key = row => {
      const cell = row.cells[column];
      return cell.dataset.v ?? cell.textContent.trim();
    };
    const compare = (a, b) => (isNaN(a) || isNaN(b) ? order.compare(a, b) : a - b);
    button.addEventListener("click", () => {
      const first = head.dataset.first ?? "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const direction = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach(one => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      // Empty values stay last in both directions; sort() is stable, so earlier orders break ties.
      const rows = [...body.rows].map(row => [key(row), row]);
      rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}

for (const tools of document.querySelectorAll(".tools")) {
  const table = document.getElementById(tools.dataset.for);
  const [text, choice, all, output] = ["input", "select", "button", "output"].map(name => tools.querySelector(name));
  const rows = [...table.tBodies[0].rows].map(row => ({
    row,
    tags: new Set(row.dataset.tags.split(" ")),
    content: [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase(),
  }));
  const first = Number(tools.dataset.first);
  tools.hidden = false;
  const update = () => {
    const words = (text?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = choice?.value ?? "";
    let shown = 0;
    for (const { row, tags, content } of rows) {
      row.hidden = !words.every(word => content.includes(word)) || (wanted !== "" && !tags.has(wanted));
      shown += !row.hidden;
    }
    // A folded table shows its first rows; as soon as something is filtered, all that match are shown.
    const folded = all !== null && all.getAttribute("aria-expanded") === "false" && shown === rows.length;
    if (all) {
      table.classList.toggle(`cut-${first}`, folded);
      all.hidden = shown < rows.length;
    }
    output.textContent = tools.dataset.shown.replace("{shown}", folded ? first : shown).replace("{all}", rows.length);
  };
  text?.addEventListener("input", update);
  choice?.addEventListener("change", update);
  all?.addEventListener("click", () => {
    const open = all.getAttribute("aria-expanded") === "true";
    all.setAttribute("aria-expanded", String(!open));
    all.textContent = open ? all.dataset.more : all.dataset.less;
    update();
  });
  update();
}
