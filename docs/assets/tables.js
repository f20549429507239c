// Long names in text and tables may break behind a point, a bracket and a sign.
for (const code of document.querySelectorAll(".md-typeset :not(pre) > code")) {
  if (code.textContent.length < 20) continue;
  for (const node of [...code.childNodes]) {
    if (node.nodeType !== Node.TEXT_NODE) continue;
    const parts = node.data.split(/(?<=[._(=,])(?=\w)/);
    node.replaceWith(
      ...parts.flatMap((part) => [document.createElement("wbr"), part]).slice(1),
    );
  }
}

// Each cell knows the title of its column, and a table whether it is wider than
// its place: the style makes a card of each row then, on small screens.
const tables = document.querySelectorAll(".md-typeset table:not([class])");
for (const table of tables) {
  const titles = [...table.querySelectorAll("th")].map((th) => th.innerText);
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, column) => {
      cell.dataset.title = titles[column] ?? "";
    });
  }
}
function measure() {
  for (const table of tables) {
    delete table.dataset.isWide;
    const place = table.closest("article").clientWidth;
    if (table.scrollWidth > place) table.dataset.isWide = "";
  }
}
addEventListener("resize", measure);
measure();
