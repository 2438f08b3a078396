// The timeline of one entity: a lane for each thing that its facts say, a bar from beginning to end, and an arrow to
// what took its place.
"use strict";

(() => {
  const { data, facts, drawn, element } = page;
  const ROW = 30;
  const HEAD = 34;
  const bars = new Map();
  const hidden = new Set();
  let scale = 1;
  let svg = null;

  // Facts that say the same share a row; rows with the same predicate stand together, by their first beginning.
  function lanes() {
    const byClaim = new Map();
    for (const fact of data.facts) {
      const incoming = fact.subject !== data.entity;
      const key = `${fact.predicate} ${fact.subject} ${fact.object ?? fact.value ?? fact.statement}`;
      if (!byClaim.has(key)) byClaim.set(key, { predicate: fact.predicate, incoming, facts: [] });
      byClaim.get(key).facts.push(fact);
    }
    const rows = [...byClaim.values()].filter((row) => !hidden.has(row.predicate));
    const first = (row) => Math.min(...row.facts.map((fact) => (fact.begins ? Date.parse(fact.begins) : -1e15)));
    const groups = new Map();
    for (const row of rows) {
      const name = `${row.incoming ? "in" : "out"} ${row.predicate}`;
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    const sorted = [...groups.values()].map((group) => group.sort((a, b) => first(a) - first(b)));
    sorted.sort((a, b) => a[0].incoming - b[0].incoming || first(a[0]) - first(b[0]));
    return sorted;
  }

  function spanOfAll() {
    const known = page.moments.map((moment) => Date.parse(moment));
    const from = Math.min(...known);
    const to = Math.max(page.now, ...known);
    const room = Math.max((to - from) * 0.05, 86400000);
    return [from - room, to + room];
  }

  // Return instants for the axis, about one every 110 pixels, at the beginning of years, months or days.
  function ticks(from, to, width) {
    const most = Math.max(2, width / 110);
    const days = (to - from) / 86400000;
    const found = [];
    const months = [1, 2, 3, 6, 12, 24, 60, 120, 600].find((step) => days / (step * 30.4) <= most) ?? 1200;
    if (days / 30.4 > most / 3) {
      const date = new Date(from);
      let month = Math.ceil((date.getUTCFullYear() * 12 + date.getUTCMonth() + 1) / months) * months;
      for (; ; month += months) {
        const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
        if (at > to) return found;
        const iso = new Date(at).toISOString();
        found.push([at, months >= 12 ? iso.slice(0, 4) : iso.slice(0, 7)]);
      }
    }
    const step = Math.max(1, Math.ceil(days / most)) * 86400000;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push([at, new Date(at).toISOString().slice(0, 10)]);
    return found;
  }

  const short = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

  function render() {
    const stage = document.getElementById("stage");
    stage.querySelector("svg.timeline")?.remove();
    bars.clear();
    const groups = lanes();
    const names = Math.min(230, Math.max(120, stage.clientWidth * 0.2));
    const width = Math.max(480, (stage.clientWidth - 24) * scale);
    const [from, to] = spanOfAll();
    const at = (instant) => names + ((Math.max(from, Math.min(to, instant)) - from) / (to - from)) * (width - names - 24);
    const rows = groups.reduce((sum, group) => sum + group.length, 0);
    const height = HEAD + rows * ROW + groups.length * 12 + 24;
    svg = drawn("svg", { class: "timeline", width, height, role: "group", "aria-label": document.title });
    for (const [instant, label] of ticks(from, to, width - names)) {
      svg.append(drawn("line", { class: "grid", x1: at(instant), x2: at(instant), y1: HEAD - 8, y2: height }),
        drawn("text", { class: "soft", x: at(instant) + 4, y: HEAD - 14 }, label));
    }
    let y = HEAD;
    for (const group of groups) {
      svg.append(drawn("rect", { class: "lane", x: 0, y, width, height: group.length * ROW + 6, rx: 6 }));
      svg.append(drawn("text", { x: 10, y: y + 20 },
        short((group[0].incoming ? "← " : "") + page.inWords(group[0].predicate), names / 7)));
      for (const row of group) {
        for (const fact of row.facts) svg.append(bar(fact, row, at, y + 4, width));
        y += ROW;
      }
      y += 12;
    }
    arrows();
    const mark = drawn("line", { class: "now", id: "instant", y1: HEAD - 8, y2: height });
    svg.append(mark);
    stage.append(svg);
    svg.at = at;
    settle(page.state.instant);
    if (page.state.chosen) picture.mark(page.state.chosen);
  }

  function bar(fact, row, at, y, width) {
    const open = !fact.ends;
    const start = fact.begins ? at(Date.parse(fact.begins)) : at(-Infinity);
    const end = Math.max(open ? at(Infinity) : at(Date.parse(fact.ends)), start + 10);
    const colour = page.predicateColour(fact.predicate);
    const label = row.incoming ? page.nameOf(fact.subject) : page.objectOf(fact) || fact.statement;
    const group = drawn("g", { class: "bar", tabindex: 0, role: "button", "aria-label": `${fact.statement}, ${page.span(fact)}` });
    const box = drawn("rect", { x: start, y, width: end - start, height: ROW - 8, fill: colour, "fill-opacity": 0.55, stroke: colour });
    if (fact.corrected) box.setAttribute("stroke-dasharray", "1 3");
    group.append(drawn("title", {}, `${fact.statement}\n${page.span(fact)}`), box);
    if (!fact.begins) group.append(drawn("text", { class: "soft", x: start + 4, y: y + 15 }, "…"));
    const room = end - start - 14;
    const inside = label.length * 7 < room || room > 120;
    const after = width - end - 10;
    if (inside) group.append(drawn("text", { x: start + (fact.begins ? 8 : 18), y: y + 15 }, short(label, room / 7)));
    else if (after > 90) group.append(drawn("text", { x: end + 7, y: y + 15 }, short(label, after / 7)));
    else group.append(drawn("text", { x: start - 7, y: y + 15, "text-anchor": "end" }, short(label, 34)));
    group.addEventListener("click", () => page.choose(fact.id));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      page.choose(fact.id);
    });
    bars.set(fact.id, { group, fact, start, end, y: y + (ROW - 8) / 2 });
    return group;
  }

  // From each fact that was replaced to what replaced it, where both are drawn.
  function arrows() {
    for (const { fact, end, y } of [...bars.values()]) {
      for (const by of fact.replaced_by ?? []) {
        const newer = bars.get(by.id);
        if (!newer || newer.y === y) continue;
        const down = newer.y > y ? 1 : -1;
        const tipX = Math.max(newer.start + 5, Math.min(end, newer.end));
        const tipY = newer.y - (down * (ROW - 8)) / 2;
        svg.append(drawn("path", { class: "replaced", d: `M${end} ${y}h6V${(y + tipY) / 2}H${tipX}V${tipY - down * 5}` }),
          drawn("path", { class: "head", d: `M${tipX - 4} ${tipY - down * 6}h8l-4 ${down * 6}z` }));
      }
    }
  }

  function settle(instant) {
    for (const { group, fact } of bars.values()) {
      const how = page.standing(fact, instant);
      group.classList.toggle("past", how === "past");
      group.classList.toggle("future", how === "future");
      group.style.display = how === "past" && !page.state.past ? "none" : "";
    }
    const mark = svg.querySelector("#instant");
    mark.setAttribute("x1", svg.at(instant));
    mark.setAttribute("x2", svg.at(instant));
  }

  function legend() {
    page.addLegend("Facts", page.counts(data.facts.map((fact) => fact.predicate)).map(([predicate, count]) =>
      [predicate, page.inWords(predicate), count, drawn("svg", { width: 20, height: 12, "aria-hidden": "true" },
        drawn("rect", { width: 20, height: 12, rx: 3, fill: page.predicateColour(predicate), "fill-opacity": 0.6 }))]),
    (predicate, shown) => { hidden[shown ? "delete" : "add"](predicate); render(); });
    document.getElementById("legend").append(element("div", { class: "soft" }, "arrow: replaced by; faint: no longer true; dotted: never true"));
  }

  const picture = {
    summary: [`${facts.size.toLocaleString("en")} ${facts.size === 1 ? "fact" : "facts"} through time`, data.project ? `in ${data.project}` : "", data.facts_omitted ?? ""].filter(Boolean).join(" · "),
    explanation: "Each bar is a fact, from the day on which it began to the day on which it ended. An arrow leads to what took its place. A click shows why, and the memory that says so.",
    draw(stage) {
      stage.classList.add("scrolls");
      if (!facts.size) page.empty("Nothing is known about it.");
      render();
      page.whenTimeMoves(settle);
      new ResizeObserver(() => requestAnimationFrame(render)).observe(stage);
      legend();
    },
    mark(id) {
      for (const [fact, { group }] of bars) group.classList.toggle("chosen", fact === id);
    },
    highlight(ids) {
      for (const [fact, { group }] of bars) group.classList.toggle("hit", ids.has(fact));
    },
    reveal(id) {
      bars.get(id)?.group.scrollIntoView({ block: "center", inline: "center" });
    },
    recolour() {
      hidden.clear();
      render();
      legend();
    },
    zoom(factor) {
      scale = Math.max(1, Math.min(40, scale * factor));
      render();
    },
    fit() {
      scale = 1;
      render();
    },
  };

  page.start(picture);
  window.knowthread = { page };
})();
