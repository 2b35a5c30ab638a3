// The page: folding, moving about, searching. Where things stand in each group was found before (layout.py); from the
// grids to coordinates the sums are those of place.py.
"use strict";
(function () {
  const D = JSON.parse(document.getElementById("data").textContent);
  const { FORWARD, BACKWARD, MIDDLE, GAP_X, GAP_Y, PAD, TITLE, NARROW, LABEL } = D.sizes;
  const root = document.documentElement, body = document.body, $ = (id) => document.getElementById(id);
  const view = $("view"), scene = $("scene"), panel = $("panel"), box = $("search"), hits = $("hits"), status = $("status");
  const state = { backward: D.backward, lang: D.lang, theme: D.theme, x: 0, y: 0, k: 1, selected: null, found: [], at: -1 };
  const folded = D.groups.map((g) => !!g.folded);
  const say = (en, zh) => (state.lang === "zh" ? zh : en);
  const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const num = (v) => v.toFixed(1).replace(/\.0$/, "");

  // ---- from grids to coordinates -------------------------------------------------------------------------------
  const OP = "c", GROUP = "g", ENTRY = "i", EXIT = "x", DUMMY = "d";
  const sprite = (m) => D.sprites[m[0] === GROUP ? D.groups[m[1]].sprite : D.cells[m[1]].sprite];
  const whole = (s) => s[0] + (s[1] ? s[1] * LABEL + 3 : 0);
  const isOpen = (m) => m[0] === GROUP && !folded[m[1]];

  function lines(g, size) {
    const need = new Map(), m = g.members, n = g.columns, x = new Array(n).fill(0);
    for (let i = 0; i + 1 < m.length; i++)
      if (m[i][2] === m[i + 1][2]) {
        const key = m[i][3] * n + m[i + 1][3];
        need.set(key, Math.max(need.get(key) || 0, size[i][1] + GAP_X + size[i + 1][0]));
      }
    const pairs = [...need].map(([key, v]) => [Math.floor(key / n), key % n, v]);
    for (let c = g.spine + 1; c < n; c++) {
      x[c] = x[c - 1] + NARROW;
      for (const [i, j, v] of pairs) if (j === c && i >= g.spine) x[c] = Math.max(x[c], x[i] + v);
    }
    for (let c = g.spine - 1; c >= 0; c--) {
      x[c] = x[c + 1] - NARROW;
      for (const [i, j, v] of pairs) if (i === c) x[c] = Math.min(x[c], x[j] - v);
    }
    const first = Math.min(...m.map((a, i) => x[a[3]] - size[i][0])), last = Math.max(...m.map((a, i) => x[a[3]] + size[i][1]));
    return [x.map((v) => v - first + PAD), last - first + 2 * PAD];
  }

  function measure(id) {
    const g = D.groups[id], p = { id, g, inside: {}, heights: new Array(g.rows).fill(0), wide: new Array(g.columns).fill(false), y: [] };
    const isBox = (m) => m[0] === OP || m[0] === GROUP;
    for (const m of g.members) if (isBox(m)) p.wide[m[3]] = true;
    const size = g.members.map((m, i) => {
      let s, high = 0;
      if (isOpen(m)) {
        const q = (p.inside[i] = measure(m[1]));
        s = [q.x[q.g.spine], q.width - q.x[q.g.spine]];
        high = q.height;
      } else if (!isBox(m) && !(m[4] && p.wide[m[3]])) s = [NARROW, NARROW];
      else s = state.backward ? [FORWARD + MIDDLE / 2, BACKWARD + MIDDLE / 2] : [FORWARD / 2, FORWARD / 2];
      if (isBox(m) && !p.inside[i]) high = whole(sprite(m));
      p.heights[m[2]] = Math.max(p.heights[m[2]], high);
      return s;
    });
    [p.x, p.width] = lines(g, size);
    let y = id === 0 ? PAD : TITLE;
    const lastHigh = p.heights[g.rows - 1];
    for (let r = 0; r < g.rows; r++) {
      p.y.push(y);
      const rim = (!p.heights[r] && r === 0) || (r === g.rows - 2 && !lastHigh);
      y += p.heights[r] + (rim ? GAP_Y / 2 : GAP_Y);
    }
    p.height = p.y[g.rows - 1] + lastHigh + (lastHigh ? PAD : 2);
    return p;
  }

  const laneOf = (back) => (back ? (MIDDLE + BACKWARD) / 2 : state.backward ? -(MIDDLE + FORWARD) / 2 : 0);
  function lane(p, m, back) {
    if ((m[0] === DUMMY && !m[4]) || (m[0] !== OP && m[0] !== GROUP && !p.wide[m[3]])) return !state.backward ? 0 : back ? 6 : -6;
    return laneOf(back);
  }

  function curve(points) {
    let [x, y] = points[0], path = `M${num(x)} ${num(y)}`;
    for (const [x2, y2] of points.slice(1)) {
      if (Math.abs(x2 - x) < 0.5) {
        if (Math.abs(y2 - y) > 0.01) path += `L${num(x2)} ${num(y2)}`;
      } else {
        const mid = (y + y2) / 2;
        path += `C${num(x)} ${num(mid)} ${num(x2)} ${num(mid)} ${num(x2)} ${num(y2)}`;
      }
      [x, y] = [x2, y2];
    }
    return path;
  }

  function place(p, ox, oy, d) {
    const g = p.g, corners = new Map();
    g.members.forEach((m, i) => {
      const x = ox + p.x[m[3]], y = oy + p.y[m[2]];
      if (p.inside[i]) {
        const q = p.inside[i], c = [x - q.x[q.g.spine], y + (p.heights[m[2]] - q.height) / 2];
        corners.set(i, c);
        d.frames.push([m[1], c[0], c[1], q.width, q.height]);
        place(q, c[0], c[1], d);
      } else if (m[0] === OP || m[0] === GROUP) {
        const c = [x, y + (p.heights[m[2]] - whole(sprite(m))) / 2];
        corners.set(i, c);
        d.cells.push([m, c[0], c[1]]);
      }
    });
    const coming = new Map(), shift = new Map(), drawnWays = new Map();
    g.segments.forEach((s, i) => {  // of several ways between two boxes one is enough
      const key = `${s[0]} ${s[1]} ${p.inside[s[0]] || p.inside[s[1]] ? i : ""}`;
      const first = drawnWays.get(key);
      if (!first) drawnWays.set(key, [s, s[3], [...s[2]]]);
      else { first[1] = first[1] || s[3]; first[2].push(...s[2]); }
    });
    for (const [s] of drawnWays.values()) {
      const near = s[4].length ? s[4][s[4].length - 1] : s[0];
      if (!coming.has(s[1])) coming.set(s[1], []);
      coming.get(s[1]).push([ox + p.x[g.members[near][3]], s]);
    }
    for (const [i, ways] of coming) {
      const x = ox + p.x[g.members[i][3]], step = Math.min(12, 140 / ways.length);
      const lefts = ways.filter((w) => w[0] < x - 1).sort((a, b) => b[0] - a[0]);
      const rights = ways.filter((w) => w[0] > x + 1).sort((a, b) => a[0] - b[0]);
      const straight = ways.filter((w) => Math.abs(w[0] - x) <= 1);
      straight.forEach(([, s], k) => shift.set(s, (k - (straight.length - 1) / 2) * step));
      const room = straight.length ? (step * (straight.length - 1)) / 2 : -step / 2;
      lefts.forEach(([, s], k) => shift.set(s, straight.length || rights.length || lefts.length > 1 ? -(room + step * (k + 1)) : 0));
      rights.forEach(([, s], k) => shift.set(s, straight.length || lefts.length || rights.length > 1 ? room + step * (k + 1) : 0));
    }
    const end = (s, i, back, low) => {
      const m = g.members[i];
      if (p.inside[i]) {
        const q = p.inside[i], [cx, cy] = corners.get(i), inner = q.g.members[low ? s[5] : s[6]];
        return [cx + q.x[inner[3]] + lane(q, inner, back), cy + (low ? q.height : 0), false];
      }
      const x = ox + p.x[m[3]] + lane(p, m, back);
      if (m[0] === ENTRY) return [x, oy, false];
      if (m[0] === EXIT) return [x, oy + p.height, false];
      return [x, corners.get(i)[1] + (low ? sprite(m)[0] : 0), true];
    };
    for (const [s, grad, values] of drawnWays.values())
      for (const back of [false, true]) {
        if (back && !(grad && state.backward)) continue;
        const [x, y, tail] = end(s, s[0], back, true);
        let [x2, y2, head] = end(s, s[1], back, false);
        if (head) x2 += shift.get(s) || 0;
        const r = g.members[s[0]][2], points = [[x, y], [x, oy + p.y[r] + p.heights[r]]];
        for (const i of s[4]) {
          const m = g.members[i], dx = ox + p.x[m[3]] + lane(p, m, back);
          points.push([dx, oy + p.y[m[2]]], [dx, oy + p.y[m[2]] + p.heights[m[2]]]);
        }
        points.push([x2, oy + p.y[g.members[s[1]][2]]], [x2, y2]);
        d.edges.push([back, curve(points), back ? tail : head, values]);
      }
  }

  // ---- drawing ---------------------------------------------------------------------------------------------------
  let drawn = null;
  const depth = (id) => { let n = 0; while (id !== 0) { id = D.groups[id].parent; n++; } return n; };
  function draw() {
    const p = measure(0), d = { width: p.width, height: p.height, frames: [], cells: [], edges: [] };
    place(p, 0, 0, d);
    drawn = d;
    const out = [], move = state.backward ? 0 : (MIDDLE + FORWARD) / 2;
    for (const [id, x, y, w, h] of d.frames)
      out.push(`<g transform="translate(${x} ${y})"><rect class="frame${depth(id) % 2 === 0 ? " odd" : ""}" width="${w}" height="${h}" rx="8"/></g>`);
    for (const [back, path, arrow, v] of d.edges)
      out.push(`<path class="way${back ? " back-way" : ""}" data-v="${v.join(" ")}" d="${path}"${arrow ? (back ? ' marker-start="url(#tip-back)"' : ' marker-end="url(#tip)"') : ""}><title>${esc(v.slice(0, 3).map((i) => D.values[i]).join("\n"))}${v.length > 3 ? `\n+ ${v.length - 3}` : ""}</title></path>`);
    for (const [id, x, y, w] of d.frames)
      out.push(
        `<g class="bar title" tabindex="0" role="button" aria-expanded="true" data-group="${id}" aria-label="${esc(D.groups[id].label)}" transform="translate(${x} ${y})">` +
          `<rect class="grip" width="${w}" height="${TITLE - 2}" rx="8"/>${D.groups[id].title}</g>`);
    for (const [m, x, y] of d.cells) {
      const s = sprite(m), what = m[0] === GROUP ? `data-group="${m[1]}" aria-expanded="false"` : `data-cell="${m[1]}"`;
      const label = m[0] === GROUP ? D.groups[m[1]].label : D.cells[m[1]].name;
      const half = state.backward ? `<g class="b">${s[3]}</g>` : "";
      out.push(`<g class="cell" tabindex="0" role="button" aria-label="${esc(label)}" ${what} transform="translate(${x + move} ${y})">${s[2]}${half}</g>`);
    }
    scene.innerHTML = out.join("");
    mark();
    const shown = d.cells.length;
    status.textContent = say(`${shown} of ${D.cells.length} boxes in view`, `显示 ${shown} 个框，共 ${D.cells.length} 个`);
  }
  const moveTo = () => { scene.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.k})`); };
  function fit(top) {
    const r = view.getBoundingClientRect();
    state.k = Math.min(1.25, (r.width - 24) / drawn.width, (r.height - 24) / drawn.height);
    if (top && state.k < 0.75) state.k = Math.min((r.width - 24) / drawn.width, 0.75);
    state.x = (r.width - drawn.width * state.k) / 2;
    state.y = Math.max(12, (r.height - drawn.height * state.k) / 2);
    moveTo();
  }
  function zoom(by, cx, cy) {
    const r = view.getBoundingClientRect();
    if (cx === undefined) [cx, cy] = [r.width / 2, r.height / 2];
    const k = Math.min(4, Math.max(0.02, state.k * by));
    state.x = cx - ((cx - state.x) * k) / state.k;
    state.y = cy - ((cy - state.y) * k) / state.k;
    state.k = k;
    moveTo();
  }

  // ---- folding ---------------------------------------------------------------------------------------------------
  const spot = (id) => {
    const f = drawn.frames.find((f) => f[0] === id);
    if (f) return [f[1], f[2]];
    const c = drawn.cells.find(([m]) => m[0] === GROUP && m[1] === id);
    return c ? [c[1] - (state.backward ? FORWARD + MIDDLE / 2 : FORWARD / 2), c[2]] : null;
  };
  function toggle(id, to) {
    const before = spot(id);
    folded[id] = to === undefined ? !folded[id] : to;
    draw();
    const after = spot(id);
    if (before && after) {
      state.x += (before[0] - after[0]) * state.k;
      state.y += (before[1] - after[1]) * state.k;
    }
    moveTo();
    const again = scene.querySelector(`[data-group="${id}"]`);
    if (again) again.focus({ preventScroll: true });
  }
  function foldAll(to) {
    for (let i = 1; i < folded.length; i++) folded[i] = to;
    draw();
    fit(true);
  }

  // ---- choosing --------------------------------------------------------------------------------------------------
  function mark() {
    scene.querySelectorAll(".chosen, .hit, .now").forEach((e) => e.classList.remove("chosen", "hit", "now"));
    scene.querySelectorAll(".lit").forEach((e) => e.classList.remove("lit"));
    for (const f of state.found) {
      const e = shownAs(f);
      if (e) e.classList.add("hit");
    }
    if (state.at >= 0 && state.found[state.at]) { const e = shownAs(state.found[state.at]); if (e) e.classList.add("now"); }
    if (state.selected) {
      const [kind, id] = state.selected, e = scene.querySelector(`[data-${kind}="${id}"]`);
      if (e) e.classList.add("chosen");
      if (kind === "cell") {
        const values = new Set(D.cells[id].values);
        scene.querySelectorAll(".way").forEach((w) => { if (w.dataset.v.split(" ").some((v) => values.has(+v))) w.classList.add("lit"); });
      }
    }
  }
  const above = (f) => (f[0] === "group" ? D.groups[f[1]].parent : D.cells[f[1]].group);
  function shownAs(f) {  // the element of a find, or of the folded group that holds it
    let best = f;
    for (let g = above(f); g > 0; g = D.groups[g].parent) if (folded[g]) best = ["group", g];
    if (f[0] === "group" && folded[f[1]] && best === f) best = f;
    return scene.querySelector(`[data-${best[0]}="${best[1]}"]`);
  }
  const row = (name, value) => (value ? `<dt>${name}</dt><dd>${value}</dd>` : "");
  function table(items, head) {
    return items && items.length ? `<h3>${head}</h3><table>${items.map((r) => `<tr>${r.map((c, i) => `<td${i ? "" : ' class="first"'}>${esc(Array.isArray(c) ? c[state.lang === "zh" ? 1 : 0] : c)}</td>`).join("")}</tr>`).join("")}</table>` : "";
  }
  function show(kind, id, quiet) {
    state.selected = [kind, id];
    mark();
    const c = kind === "cell" ? D.cells[id] : D.groups[id], i = c.info || {};
    let html = `<h2>${esc(kind === "cell" ? c.name : c.label)}</h2><dl>`;
    html += row(say("module", "模块"), esc(i.module || ""));
    html += row(say("kind", "类型"), esc(i.kind ? i.kind[state.lang === "zh" ? 1 : 0] : ""));
    html += row(say("line", "代码行"), i.line ? `<code>${esc(i.line)}</code>` : "");
    html += row("", i.source ? `<pre>${esc(i.source)}</pre>` : "");
    html += row(say("arguments", "参数"), i.args ? `<code>${esc(i.args)}</code>` : "");
    html += row(say("backward", "反向"), i.node ? `<code class="grad">${esc(i.node)}</code>` : "");
    html += row(say("operations", "运算"), i.ops);
    html += row(say("parameters", "模型参数"), i.weights);
    html += "</dl>" + table(i.ins, say("inputs", "输入")) + table(i.outs, say("outputs", "输出"));
    html += table(i.saved, say("kept for backward", "为反向传播保存"));
    const t = i.op !== undefined && D.texts[i.op];
    if (t) html += `<h3>${say("formula and gradient", "公式与梯度")}</h3><div class="formula lw-explain">${t.html ? t.html[state.lang === "zh" ? 1 : 0] : `<pre>${esc(t.doc)}</pre>`}</div>`;
    $("about").innerHTML = html;
    panel.classList.add("open");
    if (!quiet) panel.scrollTop = 0;
  }
  function close() {
    panel.classList.remove("open");
    state.selected = null;
    mark();
  }
  function bringIn(e) {
    const r = view.getBoundingClientRect(), b = e.getBoundingClientRect();
    if (state.k < 0.45) { zoom(0.8 / state.k, b.left + b.width / 2 - r.left, b.top + b.height / 2 - r.top); return bringIn(e); }
    const side = panel.classList.contains("open") ? panel.offsetWidth : 0;
    state.x += r.left + (r.width - side) / 2 - (b.left + Math.min(b.width, r.width) / 2);
    state.y += r.top + r.height / 2 - (b.top + Math.min(b.height, r.height - 80) / 2);
    moveTo();
  }
  function reveal(f) {
    let changed = false;
    for (let g = above(f); g > 0; g = D.groups[g].parent) if (folded[g]) { folded[g] = false; changed = true; }
    if (changed) draw();
    const e = scene.querySelector(`[data-${f[0]}="${f[1]}"]`);
    if (!e) return;
    show(f[0], f[1]);
    bringIn(e);
  }

  // ---- searching ---------------------------------------------------------------------------------------------------
  const words = [
    ...D.groups.slice(1).map((g, i) => [["group", i + 1], `${g.label} ${g.info.kind ? g.info.kind[0] : ""}`.toLowerCase()]),
    ...D.cells.map((c, i) => [["cell", i], c.words.toLowerCase()]),
  ];
  function search(text) {
    const parts = text.trim().toLowerCase().replace(/(\d)\s*[x*]\s*(?=\d)/g, "$1×").split(/\s+/).filter(Boolean);
    state.found = parts.length ? words.filter(([, w]) => parts.every((p) => w.includes(p))).map(([f]) => f) : [];
    state.at = -1;
    hits.textContent = parts.length ? String(state.found.length) : "";
    mark();
  }
  function next(by) {
    if (!state.found.length) return;
    state.at = (state.at + by + state.found.length) % state.found.length;
    hits.textContent = `${state.at + 1}/${state.found.length}`;
    reveal(state.found[state.at]);
  }

  // ---- the controls ------------------------------------------------------------------------------------------------
  function words_() {
    root.lang = state.lang === "zh" ? "zh-CN" : "en";
    body.classList.toggle("lang-en", state.lang === "en");
    body.classList.toggle("lang-zh", state.lang === "zh");
    box.placeholder = say("search: name, op, shape…", "搜索：名字、运算、形状……");
    document.querySelectorAll("[data-en]").forEach((e) => {
      const w = e.dataset[state.lang], title = e.dataset[state.lang + "Title"];
      if (e.dataset.icon === undefined) e.textContent = w; else e.setAttribute("aria-label", w);
      e.title = title || w;
    });
  }
  function theme() {
    const dark = state.theme === "dark" || (state.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    body.classList.toggle("dark", dark);
  }
  function lanes() {
    body.classList.toggle("with-backward", state.backward);
    body.classList.toggle("without-backward", !state.backward);
    $("backward").setAttribute("aria-pressed", state.backward);
  }
  const acts = {
    fold: () => foldAll(true), unfold: () => foldAll(false), fit: () => fit(false), in: () => zoom(1.25), out: () => zoom(0.8),
    backward: () => { if (D.hasBackward) { state.backward = !state.backward; lanes(); draw(); fit(true); } },
    lang: () => { state.lang = state.lang === "zh" ? "en" : "zh"; words_(); draw(); if (state.selected) show(...state.selected, true); },
    theme: () => { state.theme = body.classList.contains("dark") ? "light" : "dark"; theme(); },
    help: () => $("help").toggleAttribute("hidden"), close, next: () => next(1),
  };
  document.addEventListener("click", (e) => {
    const b = e.target.closest("[data-act]");
    if (b) acts[b.dataset.act]();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);

  let drag = null;
  const pointers = new Map();
  view.addEventListener("pointerdown", (e) => {
    pointers.set(e.pointerId, [e.clientX, e.clientY]);
    drag = { x: e.clientX, y: e.clientY, moved: false, target: e.target };
    $("help").setAttribute("hidden", "");
  });
  view.addEventListener("pointermove", (e) => {
    if (!pointers.has(e.pointerId)) return;
    const before = pointers.get(e.pointerId), r = view.getBoundingClientRect();
    if (pointers.size === 2) {  // two fingers
      const other = [...pointers].find(([id]) => id !== e.pointerId)[1];
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(e.clientX - other[0], e.clientY - other[1]);
      if (was > 0) zoom(is / was, (e.clientX + other[0]) / 2 - r.left, (e.clientY + other[1]) / 2 - r.top);
    } else if (drag && (drag.moved || Math.hypot(e.clientX - drag.x, e.clientY - drag.y) > 4)) {
      if (!drag.moved) { drag.moved = true; view.setPointerCapture(e.pointerId); view.classList.add("moving"); }
      state.x += e.clientX - before[0];
      state.y += e.clientY - before[1];
      moveTo();
    }
    pointers.set(e.pointerId, [e.clientX, e.clientY]);
  });
  const up = (e) => {
    pointers.delete(e.pointerId);
    view.classList.remove("moving");
    if (drag && !drag.moved && e.type === "pointerup") {
      const t = drag.target.closest && drag.target.closest("[data-group], [data-cell]");
      if (!t) close();
      else if (t.dataset.group) { show("group", +t.dataset.group, true); toggle(+t.dataset.group); }
      else show("cell", +t.dataset.cell);
    }
    drag = null;
  };
  view.addEventListener("pointerup", up);
  view.addEventListener("pointercancel", up);
  view.addEventListener("wheel", (e) => {
    e.preventDefault();
    const r = view.getBoundingClientRect();
    if (e.ctrlKey || e.metaKey || e.deltaMode) zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.01)), e.clientX - r.left, e.clientY - r.top);
    else if (e.shiftKey) { state.x -= e.deltaY; moveTo(); }
    else if (Math.abs(e.deltaY) >= 100 && !e.deltaX) zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15, e.clientX - r.left, e.clientY - r.top);  // a wheel of notches
    else { state.x -= e.deltaX; state.y -= e.deltaY; moveTo(); }
  }, { passive: false });
  box.addEventListener("input", () => search(box.value));
  box.addEventListener("keydown", (e) => {
    if (e.key === "Enter") { e.preventDefault(); next(e.shiftKey ? -1 : 1); }
    else if (e.key === "Escape") { box.value = ""; search(""); box.blur(); }
    e.stopPropagation();
  });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const on = document.activeElement && document.activeElement.closest && document.activeElement.closest("[data-group], [data-cell]");
    const keys = {
      "/": () => box.focus(), "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.fit, f: acts.fit, b: acts.backward, e: acts.unfold,
      c: acts.fold, l: acts.lang, d: acts.theme, "?": acts.help, n: () => next(1), N: () => next(-1),
      Escape: () => { close(); $("help").setAttribute("hidden", ""); },
      ArrowLeft: () => { state.x += 60; moveTo(); }, ArrowRight: () => { state.x -= 60; moveTo(); },
      ArrowUp: () => { state.y += 60; moveTo(); }, ArrowDown: () => { state.y -= 60; moveTo(); },
    };
    if ((e.key === "Enter" || e.key === " ") && on) {
      e.preventDefault();
      if (on.dataset.group) { show("group", +on.dataset.group, true); toggle(+on.dataset.group); } else show("cell", +on.dataset.cell);
    } else if (keys[e.key] && !(e.target.closest && e.target.closest("button") && (e.key === "Enter" || e.key === " "))) {
      e.preventDefault();
      keys[e.key]();
    }
  });
  scene.addEventListener("focusin", (e) => {  // keep what the Tab key reaches in sight
    const t = e.target.closest("[data-group], [data-cell]");
    if (!t || !t.matches(":focus-visible")) return;
    const b = t.getBoundingClientRect(), r = view.getBoundingClientRect();
    if (b.left < r.left || b.top < r.top || b.right > r.right || b.bottom > r.bottom) { view.scrollTo(0, 0); bringIn(t); }
  });
  view.addEventListener("scroll", () => view.scrollTo(0, 0));
  addEventListener("resize", () => drawn && moveTo());

  if (!D.hasBackward) $("backward").hidden = true;
  words_();
  theme();
  lanes();
  draw();
  fit(true);
  window.lightwellGraph = { state, folded, toggle, search, next, reveal, data: D, drawn: () => drawn, ways: () => drawn.edges.map((e) => e[1]) };
})();
