// What both pictures share: the data, colours, time, panel, search, legend, help and keys.
// Every text of a memory reaches the page as the text of a node, never as markup.
"use strict";

const page = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const entities = new Map(data.entities.map((entity) => [entity.id, entity]));
  const facts = new Map(data.facts.map((fact) => [fact.id, fact]));

  // Elements

  // Return an element with properties and children; a text child becomes a text node.
  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) made.style.setProperty(name, value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  const SVG = "http://www.w3.org/2000/svg";
  function drawn(tag, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // Colours

  const KINDS = {
    Person: { light: "#c2562f", dark: "#f0956f", shape: "ellipse" },
    Project: { light: "#2f6fb3", dark: "#79b0ee", shape: "round-rectangle" },
    Tool: { light: "#2e7d5b", dark: "#6cc79d", shape: "hexagon" },
    Service: { light: "#0f7f8c", dark: "#58c4d1", shape: "round-hexagon" },
    Concept: { light: "#7a56b5", dark: "#b79af0", shape: "diamond" },
    File: { light: "#8a6d1d", dark: "#d8b84f", shape: "cut-rectangle" },
    Organization: { light: "#a33a63", dark: "#ec86ad", shape: "octagon" },
    Place: { light: "#5f7d1f", dark: "#a9cc62", shape: "triangle" },
    Thing: { light: "#6a7079", dark: "#a3abb6", shape: "ellipse" },
    Value: { light: "#8b857a", dark: "#857f75", shape: "rectangle" },
  };
  const FAMILIES = [
    [/^(CHOSE|DECIDED|PREFERS|USES|USES_VERSION|IMPLEMENTS|FIXED_BY|HAS_CONVENTION)$/, ["#2e7d5b", "#6cc79d"]],
    [/^(REJECTED|AVOIDS|STOPPED_USING|DISLIKES)$/, ["#c0392b", "#f08a7e"]],
    [/^(FAILED_BECAUSE|CAUSED_BY|NOT_CAUSED_BY|TRIED|BLOCKED_BY|HAD)$/, ["#b7700d", "#e5ae55"]],
    [/^(OWNS|WORKS_ON|LIVES_IN|MEMBER_OF|MAINTAINS)$/, ["#a33a63", "#ec86ad"]],
    [/^(RUNS_ON|DEPLOYED_TO|DEPENDS_ON|PART_OF|CONFIGURED_AS|REQUIRES)$/, ["#2f6fb3", "#79b0ee"]],
  ];
  const OTHER = ["#6a7079", "#9aa3af"];
  const isDark = () => document.documentElement.classList.contains("dark");
  const kindColour = (kind) => (KINDS[kind] ?? KINDS.Thing)[isDark() ? "dark" : "light"];
  const kindShape = (kind) => (KINDS[kind] ?? KINDS.Thing).shape;
  function predicateColour(predicate) {
    const family = FAMILIES.find(([names]) => names.test(predicate));
    return (family ? family[1] : OTHER)[isDark() ? 1 : 0];
  }
  const inWords = (predicate) => predicate.toLowerCase().replaceAll("_", " ");

  // Time

  const now = Date.parse(data.now);
  const begins = (fact) => (fact.begins ? Date.parse(fact.begins) : -Infinity);
  const ends = (fact) => (fact.ends ? Date.parse(fact.ends) : Infinity);
  // Return how a fact stands at an instant: "future", "holds" or "past".
  function standing(fact, instant) {
    if (begins(fact) > instant) return "future";
    if (fact.corrected || ends(fact) <= instant) return "past";
    return "holds";
  }
  function fate(fact) {
    if (fact.corrected) return "never true";
    const decided = (fact.replaced_by ?? []).some((by) => by.how === "superseded");
    return decided ? "superseded" : fact.ends ? "ended" : "";
  }
  const day = (instant) => (instant ? instant.slice(0, 10) : "");
  function span(fact) {
    const from = fact.begins ? `since ${day(fact.begins)}` : "since an unknown day";
    if (fact.corrected) return "never true";
    return fact.ends ? `${day(fact.begins) || "?"} to ${day(fact.ends)}` : from;
  }
  const moments = [
    ...new Set([...data.facts.flatMap((fact) => [fact.begins, fact.ends]).filter(Boolean), data.now, data.at]),
  ].sort();

  const state = { instant: Date.parse(data.at), listeners: [], past: true, timer: 0 };
  const whenTimeMoves = (listener) => state.listeners.push(listener);
  function moveTo(position) {
    const range = byId("moment");
    range.value = Math.max(0, Math.min(moments.length - 1, position));
    const moment = moments[range.value];
    state.instant = Date.parse(moment);
    byId("date").textContent = moment === data.now ? `${day(moment)} (now)` : day(moment);
    range.setAttribute("aria-valuetext", day(moment));
    for (const listener of state.listeners) listener(state.instant);
  }
  const position = () => Number(byId("moment").value);
  function play() {
    const button = byId("play");
    if (state.timer) {
      clearInterval(state.timer);
      state.timer = 0;
    } else {
      if (position() >= moments.length - 1) moveTo(0);
      const steps = moments.length;
      state.timer = setInterval(() => {
        if (position() >= steps - 1) play();
        else moveTo(position() + 1);
      }, Math.max(60, Math.min(700, 20000 / steps)));
    }
    button.textContent = state.timer ? "❚❚" : "▶";
  }
  function buildTime() {
    byId("time").append(
      element("button", { id: "play", class: "tool", title: "play (space)", "aria-label": "Play", onclick: play }, "▶"),
      element("output", { id: "date", for: "moment" }),
      element("input", {
        id: "moment", type: "range", min: 0, max: moments.length - 1, "aria-label": "Instant",
        oninput: () => moveTo(position()),
      }),
      element("label", { title: "show what no longer holds (f)" },
        element("input", { id: "past", type: "checkbox", checked: true, onchange: showPast }), "what ended"),
      data.known_at ? element("span", { id: "note" }, `as it was known on ${day(data.known_at)}`) : "",
    );
  }
  function showPast() {
    state.past = byId("past").checked;
    for (const listener of state.listeners) listener(state.instant);
  }

  // The panel

  const nameOf = (id) => entities.get(id)?.name ?? "";
  const objectOf = (fact) => (fact.object ? nameOf(fact.object) : (fact.value ?? ""));
  function openPanel(title, ...content) {
    const panel = byId("panel");
    panel.replaceChildren(
      element("div", { class: "head" }, element("h2", {}, title),
        element("button", { class: "close", "aria-label": "Close (Escape)", onclick: () => page.choose(null) }, "×")),
      ...content.flat(Infinity).filter(Boolean),
    );
    panel.hidden = false;
    panel.scrollTop = 0;
  }
  function factButton(fact) {
    const how = standing(fact, state.instant);
    return element("button",
      { class: `fact ${how === "holds" ? "" : "past"}`, "--of": predicateColour(fact.predicate), onclick: () => page.choose(fact.id) },
      fact.statement, element("br"), element("small", {}, [span(fact), fate(fact)].filter(Boolean).join(" · ")));
  }
  const link = (id, text) => element("button", { class: "link", onclick: () => page.choose(id) }, text);
  function pairs(...rows) {
    const shown = rows.filter(([, value]) => value);
    return shown.length ? element("dl", {}, shown.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])) : null;
  }

  function showEntity(entity) {
    const about = data.facts.filter((fact) => fact.subject === entity.id || fact.object === entity.id);
    const order = { holds: 0, future: 1, past: 2 };
    about.sort((a, b) => order[standing(a, state.instant)] - order[standing(b, state.instant)] || begins(b) - begins(a) || 0);
    const groups = Map.groupBy ? Map.groupBy(about, (fact) => standing(fact, state.instant)) : grouped(about);
    const heads = { holds: "Holds then", future: "Not yet then", past: "No longer then" };
    const others = entity.aliases.filter((alias) => alias !== entity.name.toLowerCase());
    openPanel(entity.name, element("p", {}, element("span", { class: "badge" }, entity.kind)),
      pairs(["also", others.join(", ")]),
      ["holds", "future", "past"].filter((key) => groups.has(key)).flatMap((key) => [
        element("h3", {}, `${heads[key]} (${groups.get(key).length})`), ...groups.get(key).map(factButton)]));
  }
  function grouped(list) {
    const groups = new Map();
    for (const fact of list) {
      const key = standing(fact, state.instant);
      groups.set(key, [...(groups.get(key) ?? []), fact]);
    }
    return groups;
  }
  function showFact(fact) {
    const replacing = data.facts.filter((older) => (older.replaced_by ?? []).some((by) => by.id === fact.id));
    const alike = data.facts.filter((other) => other.claim === fact.claim && other.id !== fact.id);
    openPanel(fact.statement,
      element("p", {}, link(fact.subject, nameOf(fact.subject)), ` ${inWords(fact.predicate)} `,
        fact.object ? link(fact.object, nameOf(fact.object)) : element("span", {}, fact.value ?? "")),
      pairs(["when", span(fact)], ["state", fate(fact) || (standing(fact, now) === "future" ? "begins later" : "holds")],
        ["because", fact.because], ["look again", fact.revisit_when], ["stored", day(fact.stored)], ["stated by", said(fact)]),
      (fact.replaced_by ?? []).length ? element("h3", {}, "Replaced by") : null,
      ...(fact.replaced_by ?? []).map((by) => replacement(by)),
      replacing.length ? element("h3", {}, "It replaced") : null,
      ...replacing.map(factButton),
      ...memoryPart("The memory", fact),
      ...alike.flatMap((other) => memoryPart("Also said in", other)));
  }
  const said = (fact) => ({ caller: "the agent or person", model: "a model that read the text", import: "an import" })[fact.origin] ?? fact.origin;
  function replacement(by) {
    const newer = facts.get(by.id);
    const words = newer ? link(by.id, newer.statement) : (by.fact ?? "a fact outside of this picture");
    const judge = { caller: "the agent or person", person: "a person", date: "its date" }[by.by] ?? by.by;
    return element("div", {}, element("p", {}, words),
      pairs(["how", by.how === "corrected" ? "it was never true" : "no longer true"], ["why", by.reason], ["decided", day(by.at)], ["by", judge]));
  }
  function memoryPart(title, fact) {
    const memory = data.memories[fact.memory];
    if (!memory) return [];
    const where = [memory.speaker, memory.project, memory.agent].filter(Boolean).join(" · ");
    return [element("h3", {}, title), element("p", { class: "soft" }, [day(memory.at), where].filter(Boolean).join(" · ")),
      element("p", { class: "text" }, memory.text)];
  }

  // Choosing, searching

  function choose(id) {
    const entity = entities.get(id);
    const fact = facts.get(id);
    state.chosen = entity || fact ? id : null;
    if (entity) showEntity(entity);
    else if (fact) showFact(fact);
    else byId("panel").hidden = true;
    page.picture.mark(state.chosen);
  }
  const folded = (text) => (text ?? "").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  function find(words) {
    const wanted = folded(words).split(/\s+/).filter(Boolean);
    if (!wanted.length) return [];
    const fits = (text) => wanted.every((word) => text.includes(word));
    const named = data.entities.filter((entity) => fits(folded([entity.name, ...entity.aliases].join(" "))));
    named.sort((a, b) => a.name.length - b.name.length);
    const told = data.facts.filter((fact) => fits(folded([fact.statement, fact.because, fact.revisit_when].join(" "))));
    const texts = data.facts.filter((fact) => !told.includes(fact) && fits(folded(data.memories[fact.memory]?.text)));
    return [
      ...named.map((entity) => ({ id: entity.id, text: entity.name, more: entity.kind })),
      ...told.map((fact) => ({ id: fact.id, text: fact.statement, more: span(fact) })),
      ...texts.map((fact) => ({ id: fact.id, text: fact.statement, more: data.memories[fact.memory].text })),
    ].slice(0, 60);
  }
  function search() {
    const hits = find(byId("query").value);
    const list = byId("hits");
    list.replaceChildren(...hits.map((hit) => element("li", {},
      element("button", { onclick: () => { list.hidden = true; choose(hit.id); page.picture.reveal(hit.id); } },
        hit.text, element("small", {}, hit.more)))));
    if (!hits.length && byId("query").value.trim()) list.append(element("li", { class: "soft" }, "Nothing here says so."));
    list.hidden = !byId("query").value.trim();
    page.picture.highlight(new Set(hits.map((hit) => hit.id)));
  }
  function searchKeys(event) {
    const buttons = [...byId("hits").querySelectorAll("button")];
    if (event.key === "Enter") buttons[0]?.click();
    else if (event.key === "ArrowDown") buttons[Math.min(buttons.length - 1, buttons.indexOf(document.activeElement) + 1)]?.focus();
    else if (event.key === "ArrowUp") (buttons[buttons.indexOf(document.activeElement) - 1] ?? byId("query")).focus();
    else return;
    event.preventDefault();
  }

  // Legend, help, keys

  // Add a group of the legend: rows of [key, label, count, mark]; a click calls toggle(key, shown).
  function addLegend(title, rows, toggle) {
    const legend = byId("legend");
    legend.append(element("h2", {}, title), element("ul", {}, rows.map(([key, label, count, mark]) => {
      const button = element("button", { "aria-pressed": "true", title: "show or hide" }, mark, label, element("span", { class: "count" }, String(count)));
      button.addEventListener("click", () => {
        const shown = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(shown));
        toggle(key, shown);
      });
      return element("li", {}, button);
    })));
  }
  function counts(list) {
    const found = new Map();
    for (const item of list) found.set(item, (found.get(item) ?? 0) + 1);
    return [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }
  function tool(label, title, act, pressed) {
    const button = element("button", { class: "tool", title, onclick: act, "aria-pressed": pressed ?? null }, label);
    byId("tools").append(button);
    return button;
  }
  function recolour() {
    document.documentElement.classList.toggle("dark");
    byId("legend").replaceChildren();
    page.picture.recolour();
    if (state.chosen) choose(state.chosen);
  }
  const KEYS = [
    ["/", "search"], ["← →", "one change back or on"], ["Home End", "the beginning, the end"], ["space", "play"],
    ["f", "show or hide what ended"], ["+ − 0", "nearer, farther, all"], ["d", "light or dark"], ["l", "legend"],
    ["Esc", "close"], ["?", "this list"],
  ];
  function buildHelp() {
    byId("help").append(element("h2", {}, "Keys"),
      element("dl", {}, KEYS.map(([key, what]) => [element("dt", {}, key.split(" ").map((one) => [element("kbd", {}, one), " "])), element("dd", {}, what)])),
      element("p", {}, page.picture.explanation),
      element("button", { class: "tool", onclick: () => byId("help").close() }, "Close"));
  }
  const actions = {
    "/": () => byId("query").focus(),
    ArrowLeft: () => moveTo(position() - 1),
    ArrowRight: () => moveTo(position() + 1),
    Home: () => moveTo(0),
    End: () => moveTo(moments.length - 1),
    " ": play,
    f: () => { byId("past").checked = !byId("past").checked; showPast(); },
    "+": () => page.picture.zoom(1.3),
    "=": () => page.picture.zoom(1.3),
    "-": () => page.picture.zoom(1 / 1.3),
    0: () => page.picture.fit(),
    d: recolour,
    l: () => { byId("legend").hidden = !byId("legend").hidden; page.picture.fit(); },
    "?": () => byId("help").showModal(),
    Escape: () => { byId("hits").hidden = true; byId("query").value = ""; page.picture.highlight(new Set()); choose(null); byId("stage").focus(); },
  };
  function keys(event) {
    const typing = event.target instanceof HTMLInputElement && event.target.type === "search";
    const onButton = event.target instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open || onButton || (typing && event.key !== "Escape")) return;
    if (event.target.id === "moment" && event.key.startsWith("Arrow")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // Build everything round a picture, and draw it.
  function start(picture) {
    page.picture = picture;
    if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.classList.add("dark");
    byId("title").textContent = document.title;
    byId("summary").textContent = picture.summary;
    buildTime();
    byId("query").addEventListener("input", search);
    byId("search").addEventListener("keydown", searchKeys);
    document.addEventListener("keydown", keys);
    document.addEventListener("click", (event) => { if (!byId("search").contains(event.target)) byId("hits").hidden = true; });
    tool("All", "show everything (0)", () => picture.fit());
    tool("Light/dark", "(d)", recolour);
    tool("?", "keys (?)", () => byId("help").showModal());
    picture.draw(byId("stage"));
    buildHelp();
    moveTo(moments.indexOf(data.at));
    picture.fit();
  }
  function empty(text) {
    byId("stage").append(element("div", { class: "empty" }, text));
  }

  return {
    data, entities, facts, state, now, element, drawn, kindColour, kindShape, predicateColour, inWords, standing, begins, ends, day,
    span, fate, nameOf, objectOf, whenTimeMoves, choose, addLegend, counts, tool, start, empty, moments, picture: null,
  };
})();
