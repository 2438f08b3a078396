// The picture of the graph: entities as nodes, the facts between them as edges, one for all that say the same.
"use strict";

(() => {
  const { data, entities, facts, element, drawn } = page;
  const LARGE = 350;
  const nodes = new Map(data.entities.map((entity) => [entity.id, { id: entity.id, name: entity.name, kind: entity.kind, degree: 0 }]));
  const edges = new Map();
  for (const fact of data.facts) {
    let target = fact.object;
    if (!target) {
      target = `value ${fact.subject} ${fact.predicate} ${fact.value ?? fact.statement}`;
      if (!nodes.has(target)) nodes.set(target, { id: target, name: fact.value ?? fact.statement, kind: "Value", degree: 0, fact: fact.id });
    }
    const key = `${fact.subject} ${fact.predicate} ${target}`;
    if (!edges.has(key)) {
      edges.set(key, { id: key, source: fact.subject, target, predicate: fact.predicate, facts: [] });
      nodes.get(fact.subject).degree += 1;
      nodes.get(target).degree += 1;
    }
    edges.get(key).facts.push(fact);
  }
  const edgeOf = new Map([...edges.values()].flatMap((edge) => edge.facts.map((fact) => [fact.id, edge.id])));
  const large = nodes.size > LARGE;
  const hidden = { kind: new Set(), predicate: new Set() };
  let graph = null;

  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const sizeOf = (node) => (node.kind === "Value" ? 14 : Math.min(large ? 130 : 64, 20 + (large ? 8 : 5) * Math.sqrt(node.degree)));
  const fontOf = (node) => (large ? 12 : Math.min(18, 11.5 + 0.3 * node.degree));
  const labelOf = (node) => short(node.name, node.kind === "Value" ? 34 : 42);
  // Return the room that a node needs with its label below it; in a large graph most labels show only near by.
  function roomOf(node) {
    const size = sizeOf(node);
    if (large) return { wide: size + 4, high: size + 4 };
    const width = labelOf(node).length * fontOf(node) * 0.56;
    return { wide: Math.max(size, Math.min(130, width)), high: size + 6 + Math.ceil(width / 130) * fontOf(node) * 1.25 };
  }

  function parts() {
    const list = [...nodes.values()];
    const index = new Map(list.map((node, position) => [node.id, position]));
    const stage = document.getElementById("stage");
    const positions = layout.place(
      list.map(roomOf),
      [...edges.values()].map((edge) => [index.get(edge.source), index.get(edge.target)]),
      Math.max(0.6, stage.clientWidth / Math.max(1, stage.clientHeight)),
    );
    // In a large graph the most connected things are named in letters that can be read while all of it is shown.
    const across = Math.max(1, ...positions.map((at) => Math.max(at.x / stage.clientWidth, at.y / stage.clientHeight)));
    const hubs = new Set([...list].sort((a, b) => b.degree - a.degree).slice(0, large ? 24 : 0).map((node) => node.id));
    return [
      ...list.map((node, position) => ({
        group: "nodes",
        data: { id: node.id, label: labelOf(node), kind: node.kind, size: sizeOf(node), font: hubs.has(node.id) ? 12.5 * across : fontOf(node) },
        classes: [node.id === data.entity ? "centre" : "", hubs.has(node.id) ? "hub" : ""].join(" "),
        position: positions[position],
      })),
      ...[...edges.values()].map((edge) => ({
        group: "edges",
        data: { id: edge.id, source: edge.source, target: edge.target, predicate: edge.predicate, label: page.inWords(edge.predicate), width: Math.min(4, 1.3 + 0.5 * (edge.facts.length - 1)) },
      })),
    ];
  }

  function style() {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    return [
      { selector: "node", style: {
        "background-color": (node) => page.kindColour(node.data("kind")), shape: (node) => page.kindShape(node.data("kind")),
        width: "data(size)", height: "data(size)", label: "data(label)", color: colour("--ink"), "font-size": "data(font)",
        "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "wrap", "text-max-width": 130, "font-family": getComputedStyle(document.body).fontFamily,
        "text-outline-color": colour("--ground"), "text-outline-width": 2.5, "min-zoomed-font-size": large ? 10.5 : 5, "border-width": 0 } },
      { selector: "node[kind = 'Value']", style: { "background-opacity": 0.55, "font-size": 10.5, color: colour("--soft"), "text-max-width": 110 } },
      { selector: "node.centre", style: { "border-width": 5, "border-color": colour("--accent"), "border-opacity": 0.55 } },
      { selector: "node.hub", style: { "z-index": 2, "text-max-width": 600, "text-outline-width": 8 } },
      { selector: "edge", style: {
        "line-color": (edge) => page.predicateColour(edge.data("predicate")), "target-arrow-color": (edge) => page.predicateColour(edge.data("predicate")),
        "target-arrow-shape": "triangle", "arrow-scale": large ? 0.7 : 0.9, "curve-style": large ? "straight" : "bezier", width: "data(width)",
        opacity: large ? 0.55 : 0.85, label: large ? "" : "data(label)", "font-size": 9.5, color: colour("--soft"), "text-rotation": "autorotate",
        "font-family": getComputedStyle(document.body).fontFamily, "text-background-color": colour("--ground"), "text-background-opacity": 0.85, "text-background-padding": 1.5, "min-zoomed-font-size": 7.5 } },
      { selector: "edge.past", style: { "line-style": "dashed", opacity: 0.3, "text-opacity": 0.65 } },
      { selector: "edge.wrong", style: { "line-style": "dotted" } },
      { selector: "node.past", style: { opacity: 0.4 } },
      { selector: ".gone", style: { display: "none" } },
      { selector: "node.hit", style: { "border-width": 5, "border-color": colour("--accent"), "border-opacity": 1, opacity: 1 } },
      { selector: "edge.hit", style: { opacity: 1, width: 3.5, label: "data(label)" } },
      { selector: ".faded", style: { opacity: 0.13, "text-opacity": 0.13 } },
      { selector: "node.near", style: { opacity: 1, "text-opacity": 1, "min-zoomed-font-size": 0 } },
      { selector: "edge.near", style: { opacity: 0.95, label: "data(label)", "text-opacity": 1 } },
      { selector: "edge.near.past", style: { opacity: 0.5 } },
      { selector: ".chosen", style: { "overlay-color": colour("--accent"), "overlay-opacity": 0.22, "overlay-padding": 5 } },
    ];
  }

  // Show each edge and node as it stands at an instant, within what the legend shows.
  function settle(instant) {
    graph.batch(() => {
      graph.edges().forEach((one) => {
        const edge = edges.get(one.id());
        const stands = edge.facts.map((fact) => page.standing(fact, instant));
        const how = stands.includes("holds") ? "holds" : stands.includes("past") ? "past" : "future";
        const off = hidden.predicate.has(edge.predicate) || hidden.kind.has(nodes.get(edge.source).kind) || hidden.kind.has(nodes.get(edge.target).kind);
        one.toggleClass("past", how === "past");
        one.toggleClass("wrong", how === "past" && edge.facts.every((fact) => fact.corrected));
        one.toggleClass("gone", off || how === "future" || (how === "past" && !page.state.past));
      });
      graph.nodes().forEach((one) => {
        const around = one.connectedEdges().filter((edge) => !edge.hasClass("gone"));
        one.toggleClass("gone", hidden.kind.has(one.data("kind")) || (around.empty() && one.id() !== data.entity));
        one.toggleClass("past", around.nonempty() && around.every((edge) => edge.hasClass("past")));
      });
    });
  }

  function legend() {
    const swatch = (kind) => {
      const fill = page.kindColour(kind);
      const shape = page.kindShape(kind);
      const mark = shape === "ellipse" ? drawn("circle", { cx: 7, cy: 7, r: 6, fill })
        : shape === "diamond" ? drawn("path", { d: "M7 0 14 7 7 14 0 7Z", fill })
        : shape === "triangle" ? drawn("path", { d: "M7 1 14 13H0Z", fill })
        : shape.endsWith("hexagon") ? drawn("path", { d: "M4 1h6l4 6-4 6H4L0 7Z", fill })
        : shape === "octagon" ? drawn("path", { d: "M4 0h6l4 4v6l-4 4H4L0 10V4Z", fill })
        : drawn("rect", { x: 0, y: 1, width: 14, height: 12, rx: shape === "round-rectangle" ? 4 : 0, fill, opacity: kind === "Value" ? 0.55 : 1 });
      return drawn("svg", { width: 14, height: 14, "aria-hidden": "true" }, mark);
    };
    const stroke = (predicate) => drawn("svg", { width: 20, height: 8, "aria-hidden": "true" },
      drawn("path", { d: "M0 4H14", stroke: page.predicateColour(predicate), "stroke-width": 2 }),
      drawn("path", { d: "M13 0 20 4 13 8Z", fill: page.predicateColour(predicate) }));
    const toggle = (set) => (key, shown) => {
      set[shown ? "delete" : "add"](key);
      settle(page.state.instant);
    };
    page.addLegend("Nodes", page.counts([...nodes.values()].map((node) => node.kind)).map(([kind, count]) =>
      [kind, kind === "Value" ? "a value" : kind, count, swatch(kind)]), toggle(hidden.kind));
    page.addLegend("Edges", page.counts([...edges.values()].map((edge) => edge.predicate)).map(([predicate, count]) =>
      [predicate, page.inWords(predicate), count, stroke(predicate)]), toggle(hidden.predicate));
    document.getElementById("legend").append(element("div", { class: "soft" }, "dashed and faint: no longer true; dotted: never true"));
  }

  const picture = {
    summary: [
      `${entities.size.toLocaleString("en")} ${entities.size === 1 ? "thing" : "things"}, ${facts.size.toLocaleString("en")} facts`,
      data.hops ? `within ${data.hops} ${data.hops === 1 ? "hop" : "hops"}` : "",
      data.project ? `in ${data.project}` : "",
      data.left_out ? `${data.left_out.toLocaleString("en")} less connected things are left out` : "",
      data.facts_omitted ?? "",
      data.unplaced ? `${data.unplaced} facts name no thing` : "",
    ].filter(Boolean).join(" · "),
    explanation: "A click on a node or an edge shows what is known, why, and who said so. Dragging moves; the wheel zooms. An edge stands for all facts that say the same; the more, the thicker.",
    draw(stage) {
      if (!facts.size) page.empty("Nothing is known here yet.");
      graph = cytoscape({
        container: stage, elements: parts(), style: style(), layout: { name: "preset" }, minZoom: 0.03, maxZoom: 5,
        boxSelectionEnabled: false, autounselectify: true, textureOnViewport: large, hideEdgesOnViewport: nodes.size > 1200,
        pixelRatio: large ? 1 : "auto",
      });
      graph.on("tap", (event) => {
        if (event.target === graph) page.choose(null);
        else if (event.target.isEdge()) page.choose(newest(edges.get(event.target.id())).id);
        else page.choose(nodes.get(event.target.id()).fact ?? event.target.id());
      });
      graph.on("mouseover", "node", (event) => near(event.target));
      graph.on("mouseout", "node", () => near(null));
      page.whenTimeMoves(settle);
      legend();
    },
    mark(id) {
      graph.elements().removeClass("chosen");
      if (id) graph.getElementById(edgeOf.get(id) ?? id).addClass("chosen");
    },
    highlight(ids) {
      graph.elements().removeClass("hit");
      for (const id of ids) graph.getElementById(edgeOf.get(id) ?? id).addClass("hit");
    },
    reveal(id) {
      const found = graph.getElementById(edgeOf.get(id) ?? id);
      graph.animate({ center: { eles: found }, zoom: Math.max(graph.zoom(), 0.9), duration: 250 });
    },
    recolour() {
      graph.style(style());
      hidden.kind.clear();
      hidden.predicate.clear();
      legend();
      settle(page.state.instant);
    },
    zoom(factor) {
      graph.zoom({ level: graph.zoom() * factor, renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 } });
    },
    fit() {
      graph.resize();
      graph.fit(graph.elements().not(".gone"), 34);
      if (graph.zoom() > 1.5) {
        graph.zoom(1.5);
        graph.center(graph.elements().not(".gone"));
      }
    },
  };
  // Of the facts that say the same, the one that stands best at the instant, and of those the last stored.
  function newest(edge) {
    const order = { holds: 2, past: 1, future: 0 };
    const rank = (fact) => order[page.standing(fact, page.state.instant)];
    return [...edge.facts].sort((a, b) => rank(b) - rank(a) || (a.stored < b.stored ? 1 : -1))[0];
  }
  function near(node) {
    graph.batch(() => {
      graph.elements().removeClass("faded near");
      if (!node) return;
      const around = node.closedNeighborhood();
      graph.elements().not(around).addClass("faded");
      around.addClass("near");
    });
  }

  page.start(picture);
  // For scripts that look at the page, such as the tests.
  window.knowthread = { page, graph };
})();
