// A click on a heading, or Enter, sorts the rows by the numbers that texts begin with, else by the texts.
for (const head of document.querySelectorAll(".cells th")) {
  const key = row => row.cells[head.cellIndex].textContent;
  head.tabIndex = 0;
  head.onclick = () => {
    const way = head.ariaSort === "ascending" ? -1 : 1, body = head.closest("table").tBodies[0];
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.ariaSort = way > 0 ? "ascending" : "descending";
    const order = (a, b) => parseFloat(a) - parseFloat(b) || a.localeCompare(b);
    body.append(...[...body.rows].sort((a, b) => way * order(key(a), key(b))));
  };
  head.onkeydown = event => event.key === "Enter" && head.click();
}
