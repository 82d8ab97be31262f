"use strict";
// What the page does: it asks for the overview every second, and for a group when that has changed and is near the window.
// Everything from the boards is put in with textContent: a name such as <b> is shown, never obeyed.
const EVERY = 1000, PATIENCE = 15000, ROWS = 50, MORE_ROWS = 450, MOST_ROWS = 2000, CHIPS = 10, ROW_PIXELS = 31;
const byId = (id) => document.getElementById(id);
const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = (date) => date.toLocaleTimeString("en-GB");

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (name.startsWith("--")) made.style.setProperty(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Leaves nodes that are in place alone, so that focus, selection and scroll positions survive a refresh.
function arrange(parent, nodes) {
  nodes.forEach((each, at) => { if (parent.childNodes[at] !== each) parent.insertBefore(each, parent.childNodes[at] ?? null); });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

class Unreachable extends Error {}

async function read(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) return await answer.json();
    if (answer.status === 404) return null;
    throw new Unreachable(`HTTP ${answer.status}`);
  } catch (error) {
    throw new Unreachable(error.message);
  }
}

function ink(color) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 125 ? "#1f2433" : "#fff";
}

function cell(column, text, colors) {
  if (!text) return node("td");
  const known = colors[column.id] || {};
  const labelled = (label, kind) => {
    const color = known[label] || "#c4c4c4";
    return node("span", { class: kind, "--label": color, "--ink": ink(color) }, label);
  };
  if (column.type === "status") return node("td", { class: "status", title: text }, labelled(text, "label"));
  if (column.type === "dropdown") {
    const labels = known[text] ? [text] : text.split(", ");
    return node("td", { title: text }, ...labels.map((label) => labelled(label, "pill")));
  }
  return node("td", { title: text, class: column.type === "numbers" ? "number" : "text" }, text);
}

function chips(item, content) {
  const quantity = content.subcolumns.find((column) => column.type === "numbers");
  const shown = item.subitems.slice(0, CHIPS).map((child) => node("span", { class: "chip" }, child.name.replace(/^Size /, ""),
    quantity && child.cells[quantity.id] ? node("b", {}, child.cells[quantity.id]) : null));
  return item.subitems.length > CHIPS ? [...shown, node("span", { class: "soft" }, `+${item.subitems.length - CHIPS}`)] : shown;
}

function nested(item, content) {
  const head = node("tr", {}, node("th", {}, "Subitem"), ...content.subcolumns.map((column) => node("th", {}, column.title)));
  const body = item.subitems.map((child) => node("tr", {}, node("td", { title: `subitem ${child.id}` }, child.name),
    ...content.subcolumns.map((column) => cell(column, child.cells[column.id], content.colors))));
  return node("tr", { class: "nested" }, node("td", { colspan: content.columns.length + 2 }, node("table", {}, node("thead", {}, head), node("tbody", {}, ...body))));
}

class Group {
  constructor(board, id) {
    Object.assign(this, { board, id, open: null, near: false, reading: false, drawn: "", limit: ROWS, rows: new Map(), unfolded: new Set(), layout: "" });
    this.title = node("strong");
    this.counts = node("span", { class: "soft figure" });
    this.button = node("button", { onclick: () => this.toggle(!this.isOpen) }, node("span", { class: "twist", "aria-hidden": "true" }, "▸"), this.title, this.counts);
    this.body = node("div");
    this.root = node("section", { class: "group", id: `group-${board}/${id}` }, node("h3", {}, this.button), this.body);
    owners.set(this.root, this);
    nearby.observe(this.root);
  }

  get isOpen() { return this.open ?? this.seen.items > 0; }

  toggle(open) { this.open = open; this.refresh(); }

  update(seen) {
    this.seen = seen;
    this.title.textContent = seen.title;
    this.counts.textContent = seen.items ? `${count(seen.items, "item")} · ${count(seen.subitems, "subitem")}` : "empty";
    this.root.style.setProperty("--color", seen.color);
    this.refresh();
  }

  refresh() {
    this.button.setAttribute("aria-expanded", this.isOpen);
    this.body.hidden = !this.isOpen;
    if (!this.content) this.body.style.minHeight = `${(Math.min(this.seen.items, this.limit) + 1) * ROW_PIXELS}px`;
    if (this.isOpen && this.near && !this.reading && this.drawn !== this.seen.stamp) this.fill().catch(lose);
  }

  async fill() {
    const stamp = this.seen.stamp;
    this.reading = true;
    try {
      this.content = await read(`page/group.json?${new URLSearchParams({ board: this.board, group: this.id, rows: this.limit, find: word() })}`);
    } finally {
      this.reading = false;
    }
    if (!this.content) return; // gone since: the next overview no longer names it
    this.drawn = stamp;
    this.draw();
    this.refresh();
  }

  draw() {
    const held = document.activeElement?.dataset.item;
    const { items, columns, subcolumns, colors } = this.content;
    const sized = items.some((item) => item.subitems.length);
    const layout = JSON.stringify([columns, subcolumns, colors, sized]);
    const before = this.rows;
    this.rows = new Map(items.map((item) => [item.id, this.row(item, sized, before.get(item.id), layout === this.layout, before.size > 0)]));
    if (!this.table || layout !== this.layout) {
      const head = node("tr", {}, node("th", { class: "name" }, "Item"), sized ? node("th", {}, "Subitems") : null, ...columns.map((column) => node("th", {}, column.title)));
      this.lines = node("tbody");
      this.table = node("table", {}, node("thead", {}, head), this.lines);
      this.scroll ??= node("div", { class: "scroll" });
      arrange(this.scroll, [this.table]);
    }
    this.layout = layout;
    this.scroll.classList.toggle("long", items.length > ROWS);
    arrange(this.lines, [...this.rows.values()].flatMap((row) => row.nodes));
    arrange(this.body, items.length ? [this.scroll, this.rest(this.seen.found - items.length)].filter(Boolean) : [node("p", { class: "empty" }, "No items yet")]);
    this.body.style.minHeight = "";
    if (held) this.body.querySelector(`[data-item="${held}"]`)?.focus({ preventScroll: true });
  }

  rest(left) {
    if (left <= 0) return null;
    if (this.limit >= MOST_ROWS) return node("p", { class: "empty" }, `and ${count(left, "more item")}`);
    const more = () => { this.limit = Math.min(MOST_ROWS, this.limit + MORE_ROWS); this.drawn = ""; this.refresh(); };
    return node("button", { class: "more", onclick: more }, `Show ${left > MORE_ROWS ? `${MORE_ROWS} of ` : ""}${count(left, "more item")}`);
  }

  row(item, sized, old, sameLayout, drawnBefore) {
    const unfolded = this.unfolded.has(item.id) && item.subitems.length > 0, text = JSON.stringify(item);
    if (old && sameLayout && old.text === text && old.unfolded === unfolded) return old;
    const toggle = () => { if (!this.unfolded.delete(item.id)) this.unfolded.add(item.id); this.draw(); };
    const fresh = drawnBefore && old?.text !== text;
    const main = node("tr", { class: fresh ? "item fresh" : "item", id: `item-${item.id}` }, node("td", { class: "name", title: `${item.name}\nitem ${item.id}` }, item.name),
      !sized ? null : !item.subitems.length ? node("td") : node("td", { class: "sizes" },
        node("button", { "data-item": item.id, "aria-expanded": unfolded, title: unfolded ? "Fold the subitems" : "Show the subitems", onclick: toggle }, ...chips(item, this.content))),
      ...this.content.columns.map((column) => cell(column, item.cells[column.id], this.content.colors)));
    return { text, unfolded, nodes: unfolded ? [main, nested(item, this.content)] : [main] };
  }
}

const groups = new Map(), boards = new Map(), owners = new WeakMap();
const nearby = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const group = owners.get(entry.target);
    group.near = entry.isIntersecting;
    group.refresh();
  }
}, { rootMargin: "500px" });

function boardSection(board) {
  const made = { name: node("h2"), soft: node("span", { class: "soft figure" }), place: node("div") };
  const all = () => [...groups.values()].filter((group) => group.board === board.id);
  const fold = node("button", { class: "plain", onclick: () => { const open = !all().some((group) => group.isOpen); all().forEach((group) => group.toggle(open)); } }, "fold / unfold all");
  made.hint = node("p", { class: "empty" }, `No items yet. orders-platform demo sends the sample orders here; any other monday client can write to ${location.origin}/v2.`);
  made.root = node("section", { class: "board", id: `board-${board.id}` }, node("div", { class: "title" }, made.name, made.soft, fold), made.place, made.hint);
  return made;
}

function showBoards(seen) {
  for (const board of seen) {
    if (!boards.has(board.id)) boards.set(board.id, boardSection(board));
    const section = boards.get(board.id), sum = (name) => board.groups.reduce((total, group) => total + group[name], 0);
    section.name.textContent = board.name;
    section.soft.textContent = [`board ${board.id}`, count(board.groups.length, "group"), `${count(sum("items"), "item")} of ${board.limit.toLocaleString("en")}`, count(sum("subitems"), "subitem")].join(" · ");
    arrange(section.place, board.groups.map((each) => {
      const key = `${board.id}/${each.id}`;
      if (!groups.has(key)) groups.set(key, new Group(board.id, each.id));
      groups.get(key).update(each);
      return groups.get(key).root;
    }));
    section.hint.hidden = sum("items") > 0;
  }
  const there = new Set(seen.flatMap((board) => board.groups.map((group) => `${board.id}/${group.id}`)));
  for (const [key, group] of groups) if (!there.has(key)) { nearby.unobserve(group.root); groups.delete(key); }
  arrange(byId("boards"), seen.length ? [...seen.map((board) => boards.get(board.id).root), nothing] : [node("p", { class: "empty" }, "No boards yet")]);
  find();
}

const nothing = node("p", { class: "empty", hidden: "" });

const word = () => byId("find").value.trim();

function find() {
  let found = 0;
  for (const group of groups.values()) {
    group.root.hidden = !group.seen.is_shown;
    found += group.seen.is_shown;
  }
  nothing.hidden = !word() || found > 0;
  nothing.textContent = `No item and no group has “${word()}”`;
}

function search() {
  history.replaceState(null, "", word() ? `#${encodeURIComponent(word())}` : location.pathname);
  look();
}

function meter(id, title, left, limit) {
  const share = Math.max(0, Math.min(1, left / limit)), bar = node("i", {});
  bar.style.width = `${100 * share}%`;
  byId(id).title = `${left.toLocaleString("en")} of ${limit.toLocaleString("en")}`;
  byId(id).classList.toggle("low", share < 0.1);
  byId(id).replaceChildren(`${title} `, node("b", { class: "figure" }, short.format(left)), ` of ${short.format(limit)}`, node("div", {}, bar));
}

const GOOD = new Set(["ok", "replayed"]), SO_SO = new Set(["partial", "limited", "locked", "conflict"]);
const tone = (outcome) => GOOD.has(outcome) ? "good" : SO_SO.has(outcome) ? "warn" : "bad";

function request(each) {
  const why = [each.fault && `fault: ${each.fault}`, ...each.errors].filter(Boolean).join(" · ");
  return node("div", { class: "request" },
    node("span", { class: "what", title: each.what }, each.what), node("span", { class: `outcome ${tone(each.outcome)}` }, each.outcome),
    node("span", { class: "soft time" }, clock(new Date(each.at * 1000))), node("span", { class: "soft", title: "complexity points" }, `${each.cost.toLocaleString("en")} pt`),
    node("span", { class: "soft" }, `${each.seconds.toFixed(2)} s`), node("span", { class: "soft" }, each.status ? `HTTP ${each.status}` : "no reply"),
    why ? node("span", { class: `soft why ${tone(each.outcome)}` }, why) : null);
}

let requestsShown = "";
function showRequests(requests, outcomes) {
  const text = JSON.stringify([requests, outcomes]);
  if (text === requestsShown) return;
  requestsShown = text;
  byId("requests").replaceChildren(...(requests.length ? requests.map(request) : [node("p", { class: "empty" }, "None yet")]));
  byId("outcomes").replaceChildren(...Object.entries(outcomes).flatMap(([word, times]) => [node("span", { class: tone(word) }, `${times.toLocaleString("en")} ${word}`), " "]));
}

let changes = "", answered = null;

function lose(error) {
  if (!(error instanceof Unreachable)) throw error;
  const since = answered ? ` What you see is as it was at ${clock(answered)}.` : "";
  byId("lost").textContent = `The sandbox does not answer (${error.message}).${since} Start it again (orders-platform sandbox serve); the page recovers by itself.`;
  byId("lost").hidden = false;
  byId("live").textContent = "no answer";
  byId("live").className = "lost";
  changes = ""; // whoever answers next may be another process: everything is read again
  for (const group of groups.values()) group.drawn = "";
}

async function look() {
  const asked = word();
  try {
    const seen = await read(`page/overview.json?${new URLSearchParams({ since: changes, find: asked })}`);
    if (!seen) throw new Unreachable("HTTP 404");
    if (asked !== word()) return; // the reader typed on, and was asked for since
    answered = new Date();
    byId("lost").hidden = true;
    byId("live").textContent = `live · ${clock(answered)}`;
    byId("live").className = "";
    changes = seen.changes;
    meter("complexity", "Complexity", seen.budget.complexity_left, seen.budget.complexity_limit);
    meter("calls", "Calls today", seen.budget.calls_left, seen.budget.calls_limit);
    showRequests(seen.requests, seen.outcomes);
    if (seen.boards) showBoards(seen.boards);
  } catch (error) {
    lose(error);
  }
}

async function refresh() {
  try {
    await look();
  } finally {
    setTimeout(refresh, EVERY);
  }
}

byId("log").open = matchMedia("(min-width: 1001px)").matches;
byId("find").value = new URLSearchParams(`group=${location.hash.slice(1)}`).get("group");
byId("find").addEventListener("input", search);
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== byId("find")) { event.preventDefault(); byId("find").focus(); }
  if (event.key === "Escape" && document.activeElement === byId("find")) { byId("find").value = ""; search(); }
});
refresh();
