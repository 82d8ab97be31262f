"use strict";
// Finds orders by whatever stands in their row: number, PO, style, item, size. Without a script the page is whole, and the box is not shown.
const box = document.getElementById("find"), said = document.getElementById("found"), orders = document.getElementById("orders");
function find() {
  const words = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const group of orders.querySelectorAll("details.group")) {
    let here = 0;
    for (const row of group.querySelectorAll("tr.order")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      here += !row.hidden;
    }
    group.hidden = here === 0;
    group.open = words.length > 0 && here > 0;
    found += here;
  }
  said.textContent = words.length ? `${found.toLocaleString("en")} order${found === 1 ? "" : "s"}` : "";
}
if (box) {
  box.closest("p").hidden = false;
  box.addEventListener("input", find);
  try { box.value = decodeURIComponent(location.hash.slice(1)); } catch { /* no word of ours */ }
  if (box.value) { find(); orders.scrollIntoView(); }
}
