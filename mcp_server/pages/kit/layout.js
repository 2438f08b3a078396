// Where nodes stand: each connected part is laid out by forces, then the parts are packed beside one another.
// The same graph gives the same picture: nothing here is random.
"use strict";

const layout = (() => {
  // Return a position for each node. nodes: [{wide, high}], the room that each needs; edges: [[index, index]].
  function place(nodes, edges, aspect) {
    const neighbours = nodes.map(() => []);
    for (const [a, b] of edges) {
      if (a === b) continue;
      neighbours[a].push(b);
      neighbours[b].push(a);
    }
    const parts = connected(neighbours).map((members) => arrange(members, neighbours, nodes, aspect));
    return pack(parts, aspect, nodes.length);
  }

  // Return the connected parts, each in breadth-first order from its most connected node.
  function connected(neighbours) {
    const order = neighbours.map((_, index) => index).sort((a, b) => neighbours[b].length - neighbours[a].length || a - b);
    const seen = new Uint8Array(neighbours.length);
    const parts = [];
    for (const first of order) {
      if (seen[first]) continue;
      const part = [first];
      seen[first] = 1;
      for (let next = 0; next < part.length; next++) {
        for (const other of neighbours[part[next]]) {
          if (!seen[other]) {
            seen[other] = 1;
            part.push(other);
          }
        }
      }
      parts.push(part);
    }
    return parts;
  }

  // Lay one part out: springs along edges, repulsion between all, weak gravity (Fruchterman and Reingold).
  function arrange(members, neighbours, nodes, aspect) {
    const count = members.length;
    const x = new Float64Array(count);
    const y = new Float64Array(count);
    const all = nodes.length;
    const ideal = all < 40 ? 150 : all < 120 ? 115 : all < 400 ? 90 : 70;
    members.forEach((_, index) => {
      const radius = ideal * 0.62 * Math.sqrt(index);
      const angle = index * 2.399963;
      x[index] = radius * Math.cos(angle);
      y[index] = radius * Math.sin(angle);
    });
    const local = new Map(members.map((node, index) => [node, index]));
    const links = [];
    members.forEach((node, index) => {
      for (const other of new Set(neighbours[node])) if (local.get(other) > index) links.push([index, local.get(other)]);
    });
    const degree = members.map((node) => new Set(neighbours[node]).size);
    const rounds = count < 3 ? 60 : count < 300 ? 420 : count < 900 ? 300 : 240;
    const stretch = Math.min(1.5, Math.max(0.8, aspect));
    const moveX = new Float64Array(count);
    const moveY = new Float64Array(count);
    for (let round = 0; round < rounds; round++) {
      moveX.fill(0);
      moveY.fill(0);
      repel(x, y, moveX, moveY, degree, ideal);
      attract(links, x, y, moveX, moveY, degree, ideal);
      const cool = 1 - round / rounds;
      const most = ideal * (0.02 + 0.9 * cool * cool);
      for (let i = 0; i < count; i++) {
        const pullX = moveX[i] - (x[i] * 0.045) / stretch;
        const pullY = moveY[i] - y[i] * 0.045 * stretch;
        const length = Math.hypot(pullX, pullY) || 1;
        const step = Math.min(length, most) / length;
        x[i] += pullX * step;
        y[i] += pullY * step;
      }
    }
    scale(links, x, y, ideal);
    const rooms = members.map((node) => nodes[node]);
    for (let round = 0; round < 30; round++) if (!part(x, y, rooms)) break;
    return { members, x, y };
  }

  // Bring the middle one of all edges to the ideal length, but leave each node some room where edges cross much of the
  // part: forces give the shape, and this the size.
  function scale(links, x, y, ideal) {
    const lengths = links.map(([a, b]) => Math.hypot(x[a] - x[b], y[a] - y[b])).sort((a, b) => a - b);
    const middle = lengths[Math.floor(lengths.length / 2)];
    if (!middle) return;
    const room = Math.sqrt((x.length * 65 * 65) / (12 * spread(x) * spread(y) || 1));
    const factor = x.length < 40 ? ideal / middle : Math.max(ideal / middle, room);
    for (let i = 0; i < x.length; i++) {
      x[i] *= factor;
      y[i] *= factor;
    }
  }

  // Return the standard deviation of coordinates.
  function spread(values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  }

  // Push all nodes apart. Nodes in cells that do not touch a node's own push it together, from their common centre.
  function repel(x, y, moveX, moveY, degree, ideal) {
    const edge = x.length < 150 ? Infinity : 2.5 * ideal;
    const cellOf = (value) => (edge === Infinity ? 0 : Math.floor(value / edge));
    const cells = new Map();
    for (let i = 0; i < x.length; i++) {
      const column = cellOf(x[i]);
      const row = cellOf(y[i]);
      const key = column * 65536 + row;
      let cell = cells.get(key);
      if (!cell) cells.set(key, (cell = { column, row, members: [], x: 0, y: 0, weight: 0 }));
      const weight = 1 + 0.05 * Math.min(degree[i], 30);
      cell.members.push(i);
      cell.x += x[i] * weight;
      cell.y += y[i] * weight;
      cell.weight += weight;
    }
    const all = [...cells.values()];
    for (const cell of all) {
      for (const other of all) {
        const near = Math.abs(cell.column - other.column) <= 1 && Math.abs(cell.row - other.row) <= 1;
        for (const i of cell.members) {
          if (!near) {
            push(i, other.x / other.weight, other.y / other.weight, other.weight);
            continue;
          }
          for (const j of other.members) if (j !== i) push(i, x[j], y[j], 1 + 0.05 * Math.min(degree[j], 30), i < j);
        }
      }
    }
    function push(i, fromX, fromY, weight, first = true) {
      let dx = x[i] - fromX;
      let dy = y[i] - fromY;
      let distance = dx * dx + dy * dy;
      if (distance < 1) {
        dx = first ? 1 : -1;
        dy = (i % 3) - 1;
        distance = 2;
      }
      const force = (ideal * ideal * weight * (1 + 0.05 * Math.min(degree[i], 30))) / distance;
      moveX[i] += dx * force;
      moveY[i] += dy * force;
    }
  }

  function attract(links, x, y, moveX, moveY, degree, ideal) {
    for (const [a, b] of links) {
      const dx = x[a] - x[b];
      const dy = y[a] - y[b];
      const distance = Math.hypot(dx, dy) || 1;
      const spread = Math.sqrt(Math.max(1, Math.min(degree[a], degree[b])));
      const force = distance / (ideal * spread);
      moveX[a] -= dx * force * 0.55;
      moveY[a] -= dy * force * 0.55;
      moveX[b] += dx * force * 0.55;
      moveY[b] += dy * force * 0.55;
    }
  }

  // Push overlapping nodes apart. Return whether any did overlap.
  function part(x, y, rooms) {
    let moved = false;
    for (let i = 0; i < x.length; i++) {
      for (let j = i + 1; j < x.length; j++) {
        const wide = (rooms[i].wide + rooms[j].wide) / 2 + 8;
        const high = (rooms[i].high + rooms[j].high) / 2 + 6;
        const dx = x[j] - x[i];
        const dy = y[j] - y[i];
        if (Math.abs(dx) >= wide || Math.abs(dy) >= high) continue;
        const overX = wide - Math.abs(dx);
        const overY = high - Math.abs(dy);
        if (overX < overY) {
          const push = (dx < 0 ? -1 : 1) * overX * 0.5;
          x[i] -= push;
          x[j] += push;
        } else {
          const push = (dy < 0 ? -1 : 1) * overY * 0.5;
          y[i] -= push;
          y[j] += push;
        }
        moved = true;
      }
    }
    return moved;
  }

  // Put the parts into rows, the largest first, so that all together have about the shape of the window. Smaller ones
  // are stacked in columns of a row.
  function pack(parts, aspect, count) {
    const gap = 50;
    const boxes = parts.map((one) => {
      const left = Math.min(...one.x) - 70;
      const top = Math.min(...one.y) - 30;
      return { ...one, left, top, width: Math.max(...one.x) + 70 - left + gap, height: Math.max(...one.y) + 50 - top + gap };
    });
    boxes.sort((a, b) => b.height - a.height || b.width - a.width);
    const area = boxes.reduce((sum, box) => sum + box.width * box.height, 0);
    const widest = Math.max(0, ...boxes.map((box) => box.width));
    const rowWidth = Math.max(widest, 1.1 * Math.sqrt(area * aspect));
    const positions = new Array(count);
    const row = { x: 0, y: 0, height: 0 };
    let column = { y: 0, width: 0 };
    for (const box of boxes) {
      if (column.y + box.height > row.height || box.width > Math.max(column.width, 1)) {
        row.x += column.width;
        column = { y: 0, width: box.width };
        if (row.x > 0 && row.x + box.width > rowWidth) {
          row.y += row.height;
          row.x = 0;
          row.height = 0;
        }
        row.height = Math.max(row.height, box.height);
      }
      box.members.forEach((node, index) => {
        positions[node] = { x: row.x + box.x[index] - box.left, y: row.y + column.y + box.y[index] - box.top };
      });
      column.y += box.height;
    }
    return positions;
  }

  return { place };
})();
