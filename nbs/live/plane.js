// The plane: particles follow the exact guided sampler of a mixture of Gaussians, and the tilted
// density is drawn beside them. The first half is mathematics: the tests call it with the noise of
// PyTorch. The second half is the figure.
import {canvas, colors, element, normals, slider, style} from "./live.js";

const REACH = 4.5, CELLS = 108;  // of the grid for the tilted density

// α and σ of a noise level γ = −log SNR
export const alpha = g => Math.sqrt(1 / (1 + Math.exp(g)));
export const sigma = g => Math.sqrt(1 / (1 + Math.exp(-g)));

// γ from noise to data, equal steps in time: `schedule.grid(schedule.Cosine(low, high), steps)`
export function grid(steps, low = -12, high = 12) {
  const b = Math.atan(Math.exp(low / 2)), c = Math.atan(Math.exp(-high / 2));
  const a = Math.atan(Math.exp(high / 2)) - b;
  return Float64Array.from({length: steps + 1}, (_, i) => {
    const t = 1 - i / steps;
    return 2 * Math.log(Math.sin(a * t + b) / Math.sin(a * (1 - t) + c));
  });
}

// A mixture is {weights: [k], means: [[x, y], k times], std: [k]}; every component is a class.
// log π_j + log N(x, y; component j) at a noise level, up to a constant
function logits(mix, x, y, a, s, out) {
  for (let j = 0; j < out.length; j++) {
    const v = (a * mix.std[j]) ** 2 + s * s;
    const dx = x - a * mix.means[j][0], dy = y - a * mix.means[j][1];
    out[j] = Math.log(mix.weights[j] / v) - (dx * dx + dy * dy) / (2 * v);
  }
  return out;
}

function logSum(values) {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

// The guided prediction (1 + w) ε(z, c) − w ε(z) of one point, exact: ε = −σ · score
export function guided(mix, x, y, gamma, c, w) {
  const a = alpha(gamma), s = sigma(gamma);
  const log = logits(mix, x, y, a, s, new Array(mix.std.length));
  const all = logSum(log), eps = [0, 0];
  for (let j = 0; j < log.length; j++) {
    const v = (a * mix.std[j]) ** 2 + s * s;
    const share = (j === c) * (1 + w) - w * Math.exp(log[j] - all);
    eps[0] += share * s * (x - a * mix.means[j][0]) / v;
    eps[1] += share * s * (y - a * mix.means[j][1]) / v;
  }
  return eps;
}

// All states of DDIM, (steps + 1) × n × 2, as `sample.ddim(…, eta=eta, trajectory=True)`.
// z: n × 2 numbers; labels: n; noise: steps × n × 2, used where eta > 0.
// eta = 0 with many steps is the probability flow, eta = 1 the ancestral sampler.
export function ddim(mix, z, labels, gammas, {w = 0, eta = 0, noise = null} = {}) {
  const steps = gammas.length - 1, size = z.length, out = new Float64Array((steps + 1) * size);
  out.set(z);
  for (let i = 0; i < steps; i++) {
    const t = gammas[i], s = gammas[i + 1], fresh = -Math.expm1(s - t);
    const keep = alpha(s) / alpha(t);
    const turn = keep * sigma(t) * Math.expm1((s - t + Math.log1p(-eta * eta * fresh)) / 2);
    const add = eta * sigma(s) * Math.sqrt(fresh);
    for (let p = i * size; p < (i + 1) * size; p += 2) {
      const eps = guided(mix, out[p], out[p + 1], t, labels[(p - i * size) / 2], w);
      for (const d of [0, 1])
        out[p + size + d] = keep * out[p + d] + turn * eps[d] + (add && add * noise[p + d]);
    }
  }
  return out;
}

// log p(x|c) + w log p(c|x): the tilted density of chapter 20 (G3), up to its constant
export function logTilted(mix, x, y, c, w) {
  const log = logits(mix, x, y, 1, 0, new Array(mix.std.length)), all = logSum(log);
  return log[c] - Math.log(mix.weights[c]) + w * (log[c] - all);
}

// The same on n × n points of a square, row by row from below; the level above which a share of
// its mass lies; its mean and its spread (the root of the sum of both variances)
export function tiltedGrid(mix, c, w, lim = REACH, n = CELLS, share = .9) {
  const at = i => -lim + 2 * lim * (i + .5) / n, log = new Float64Array(n * n);
  for (let i = 0; i < n * n; i++) log[i] = logTilted(mix, at(i % n), at(Math.floor(i / n)), c, w);
  const falling = Float64Array.from(log).sort().reverse(), top = falling[0];
  let mass = 0, x = 0, y = 0, square = 0;
  log.forEach((v, i) => {
    const p = Math.exp(v - top), a = at(i % n), b = at(Math.floor(i / n));
    mass += p;
    x += p * a;
    y += p * b;
    square += p * (a * a + b * b);
  });
  const mean = [x / mass, y / mass];
  const spread = Math.sqrt(square / mass - mean[0] ** 2 - mean[1] ** 2);
  let level = top, part = 0;
  for (const v of falling) {
    if (part >= share * mass) break;
    part += Math.exp(v - top);
    level = v;
  }
  return {log, top, level, mean, spread};
}

// How far out, seen from the middle of all centers, the points of a class lie beyond the mean of
// its tilted density (with standard error), and how wide they are in units of its spread
export function compare(mix, points, labels, tilted) {
  const middle = [0, 1].map(d => mix.means.reduce((sum, m) => sum + m[d], 0) / mix.means.length);
  let shift = 0, variance = 0, ratio = 0, means = [];
  tilted.forEach(({mean, spread}, c) => {
    const own = [...labels.keys()].filter(i => labels[i] === c), n = own.length;
    const m = [0, 1].map(d => own.reduce((sum, i) => sum + points[2 * i + d], 0) / n);
    const way = [mean[0] - middle[0], mean[1] - middle[1]], length = Math.hypot(...way) || 1;
    const out = i => ((points[2 * i] - mean[0]) * way[0] + (points[2 * i + 1] - mean[1]) * way[1])
      / length;
    const far = own.reduce((sum, i) => sum + out(i), 0) / n;
    const square = own.reduce((sum, i) => sum + (points[2 * i] - m[0]) ** 2
      + (points[2 * i + 1] - m[1]) ** 2, 0);
    shift += far / tilted.length;
    variance += own.reduce((sum, i) => sum + (out(i) - far) ** 2, 0) / (n - 1) / n;
    ratio += Math.sqrt(square / (n - 1)) / spread / tilted.length;
    means.push(m);
  });
  return {shift, error: Math.sqrt(variance) / tilted.length, ratio, means};
}

// Three round classes, 120° apart: `data.three_gaussians()`
export const threeGaussians = () => ({
  weights: [1 / 3, 1 / 3, 1 / 3], std: [.5, .5, .5],
  means: [0, 1, 2].map(j => [0, 1].map(
    d => Math.cos(Math.PI * (1 / 2 + 2 * j / 3 - d / 2)))) });

// ------------------------------------------------------------------------------------ the figure

const LIM = 3.6, MOST = 100, PARTICLES = 300;

// Segments of the line at a level on a grid of values (marching squares), in cells
function contour(values, n, level, draw) {
  for (let i = 0; i < n - 1; i++) for (let j = 0; j < n - 1; j++) {
    const corners = [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]], ends = [];
    for (let k = 0; k < 4; k++) {
      const [p, q] = [corners[k], corners[(k + 1) % 4]];
      const u = values[p[1] * n + p[0]] - level, v = values[q[1] * n + q[0]] - level;
      if (u > 0 !== v > 0) {
        const f = u / (u - v);
        ends.push(p[0] + f * (q[0] - p[0]), p[1] + f * (q[1] - p[1]));
      }
    }
    for (let k = 0; k + 3 < ends.length; k += 4) draw(...ends.slice(k, k + 4));
  }
}

export const figures = new WeakMap();  // figure → what it computed last, for the tests

export function mount(figure, stage) {
  const state = {
    mix: threeGaussians(), w: 1, steps: 50, eta: 0, shown: 50, trail: true, seed: 1, one: 0};
  const labels = Int8Array.from({length: PARTICLES}, (_, i) => i % 3);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  // the page: two square panels, controls under them, one line that says what is seen
  const panels = element("div", {class: "panels"}, stage);
  const drawn = canvas("What the sampler draws", panels, LIM);
  const wanted = canvas("The tilted densities: move a center", panels, LIM);
  element("p", {class: "small", text: "Lines: 90 % of each tilted density. Means: □ of the " +
    "particles, × of the tilted density."}, stage);
  const says = element("p", {class: "says"}, stage);
  const spoken = element("p", {class: "spoken", role: "status"}, stage);
  const controls = element("div", {class: "controls"}, stage);
  const set = (name, value) => { state[name] = value; update() };
  const guidance = slider("guidance weight w", {min: 0, max: 8, step: .25, value: state.w},
    controls, v => set("w", v));
  slider("number of steps", {min: 1, max: MOST, step: 1, value: state.steps}, controls, v => {
    state.steps = state.shown = v;
    time.input.max = v;
    time.set(v);
    update();
  });
  slider("fresh noise η (0: the flow, 1: ancestral)", {
    min: 0, max: 1, step: .05, value: state.eta}, controls, v => set("eta", v));
  const time = slider("state shown (0: noise)", {
    min: 0, max: state.steps, step: 1, value: state.shown}, controls, v => {
    stop();
    state.shown = v;
    draw();
  });
  const row = element("div", {class: "buttons"}, controls);
  const again = element("button", {type: "button", text: "Draw again"}, row);
  const back = element("button", {type: "button", text: "Reset centers"}, row);
  const next = element("button", {type: "button", text: "Another particle"}, row);
  const label = element("label", {}, row);
  const trail = element("input", {type: "checkbox"}, label);
  label.append(" path of one particle");
  trail.checked = state.trail;

  // the centers: buttons over the right panel, moved by pointer or by the arrow keys
  const centers = [0, 1, 2].map(j => {
    const b = element("button", {type: "button", class: "center", text: j + 1}, wanted.box);
    const to = (x, y) => {
      const clip = v => Math.round(100 * Math.max(-2, Math.min(2, v))) / 100;
      state.mix.means[j] = [clip(x), clip(y)];
      update();
    };
    b.addEventListener("pointerdown", e => { stop(); b.setPointerCapture(e.pointerId) });
    b.addEventListener("pointermove", e => {
      if (b.hasPointerCapture(e.pointerId)) to(...wanted.point(e));
    });
    b.addEventListener("keydown", e => {
      const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
      if (!step[e.key]) return;
      e.preventDefault();
      stop();
      const far = e.shiftKey ? .5 : .1, [x, y] = state.mix.means[j];
      to(x + far * step[e.key][0], y + far * step[e.key][1]);
    });
    return b;
  });

  // noise is a function of its number alone, so that a slider moves the same particles
  let start, noise, states, tilted, speaking, waiting = 0, playing = 0;
  function fresh() {
    const draw = normals(state.seed);
    start = draw(2 * PARTICLES);
    noise = draw(2 * PARTICLES * MOST);
  }

  // what is drawn is computed at most once for each picture of the screen
  function update() {
    stop();
    state.shown = state.steps;
    if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; compute(); draw() });
  }

  function compute() {
    const begun = performance.now(), {mix, w, eta, steps} = state;
    states = ddim(mix, start, labels, grid(steps), {w, eta, noise});
    const ms = performance.now() - begun;
    tilted = [0, 1, 2].map(c => tiltedGrid(mix, c, w));
    const end = states.subarray(2 * PARTICLES * steps);
    const {shift, error, ratio} = compare(mix, end, labels, tilted);
    const text = "At the end, against their tilted densities, the classes lie "
      + `${Math.abs(shift).toFixed(2)} (${error.toFixed(2)}) farther ${shift < 0 ? "in" : "out"} `
      + `and are ${ratio.toFixed(2)} times as wide.`;
    says.textContent = `${text} Computed in ${ms.toFixed(0)} ms by your browser.`;
    clearTimeout(speaking);
    speaking = setTimeout(() => spoken.textContent = text, 800);
    figures.set(figure, {...state, start, noise, labels, end, shift, ratio});
    time.set(state.shown);
    centers.forEach((b, j) => {
      const [x, y] = mix.means[j];
      b.style.left = `${50 + 50 * x / LIM}%`;
      b.style.top = `${50 - 50 * y / LIM}%`;
      b.setAttribute("aria-label",
        `center of class ${j + 1} at ${x.toFixed(1)}, ${y.toFixed(1)}: the arrow keys move it`);
    });
  }

  // the line that holds 90 % of each tilted density
  function lines(panel, look) {
    const at = v => -REACH + 2 * REACH * (v + .5) / CELLS;
    tilted.forEach(({log, level}, c) => {
      panel.ink.strokeStyle = look.classes[c];
      panel.ink.lineWidth = 1.5;
      panel.ink.beginPath();
      contour(log, CELLS, level, (a, b, x, y) => {
        panel.ink.moveTo(...panel.pixel(at(a), at(b)));
        panel.ink.lineTo(...panel.pixel(at(x), at(y)));
      });
      panel.ink.stroke();
    });
  }

  // a sign in ink, on a broader one in the color of the paper
  function mark(panel, look, point, shape) {
    for (const [color, width] of [[look.paper, 5], [look.ink, 2]]) {
      panel.ink.strokeStyle = color;
      panel.ink.lineWidth = width;
      panel.ink.beginPath();
      shape(...panel.pixel(...point));
      panel.ink.stroke();
    }
  }

  function draw() {
    if (!states) return;
    const look = colors(figure), {ink} = drawn, size = 2 * PARTICLES;

    // left: between two states on the straight line, as DDIM goes
    const i = Math.min(Math.floor(state.shown), state.steps - 1), f = state.shown - i;
    const now = k => (1 - f) * states[i * size + k] + f * states[(i + 1) * size + k];
    drawn.clear(look);
    lines(drawn, look);
    for (let p = 0; p < PARTICLES; p++) {
      const [x, y] = drawn.pixel(now(2 * p), now(2 * p + 1));
      ink.fillStyle = look.classes[labels[p]];
      ink.globalAlpha = .75;
      ink.beginPath();
      ink.arc(x, y, 2.4, 0, 7);
      ink.fill();
    }
    ink.globalAlpha = 1;
    const points = Float64Array.from({length: size}, (_, k) => now(k));
    compare(state.mix, points, labels, tilted).means.forEach((mean, c) => {
      mark(drawn, look, mean, (x, y) => ink.rect(x - 4.5, y - 4.5, 9, 9));
      mark(drawn, look, tilted[c].mean, (x, y) => {
        ink.moveTo(x - 5, y - 5);
        ink.lineTo(x + 5, y + 5);
        ink.moveTo(x - 5, y + 5);
        ink.lineTo(x + 5, y - 5);
      });
    });
    if (state.trail) {
      const way = [];
      for (let k = 0; k <= i; k++) {
        const at = k * size + 2 * state.one;
        way.push(drawn.pixel(states[at], states[at + 1]));
      }
      way.push(drawn.pixel(now(2 * state.one), now(2 * state.one + 1)));
      ink.strokeStyle = ink.fillStyle = look.ink;
      ink.lineWidth = 1.2;
      ink.beginPath();
      way.forEach(q => ink.lineTo(...q));
      ink.stroke();
      way.forEach((q, k) => {
        ink.beginPath();
        ink.arc(...q, k === way.length - 1 ? 4.5 : state.steps > 25 ? 1 : 2, 0, 7);
        ink.fill();
      });
    }
    drawn.label(`${PARTICLES} particles at state ${Math.round(state.shown)} of ${state.steps}, ` +
      "three classes, with the lines that hold 90 % of the tilted densities");

    // right: each tilted density relative to its own top
    wanted.clear(look);
    const picture = new ImageData(CELLS, CELLS);
    const rgb = look.classes.map(v => v.match(/\w\w/g).map(h => parseInt(h, 16)));
    for (let k = 0; k < CELLS * CELLS; k++) {
      const p = tilted.map(({log, top}) => Math.exp(log[k] - top)), sum = p[0] + p[1] + p[2];
      const to = 4 * ((CELLS - 1 - Math.floor(k / CELLS)) * CELLS + k % CELLS);
      if (sum < 1e-6) continue;
      for (const d of [0, 1, 2])
        picture.data[to + d] = p.reduce((v, q, j) => v + q * rgb[j][d], 0) / sum;
      picture.data[to + 3] = 200 * Math.min(1, sum);
    }
    wanted.image(picture, REACH);
    lines(wanted, look);
    wanted.label(`Three tilted densities at w = ${state.w}, with the lines that hold 90 % of each`);
  }

  // a draw plays once, in a second and a half; not for those who asked for less motion
  function stop() { cancelAnimationFrame(playing); playing = 0 }
  function play() {
    stop();
    if (waiting) { cancelAnimationFrame(waiting); waiting = 0 }
    compute();
    if (still) return draw();
    const begun = performance.now();
    const frame = at => {
      state.shown = state.steps * Math.min(1, Math.max(0, (at - begun) / 1500));
      time.set(Math.round(state.shown));
      draw();
      playing = state.shown < state.steps ? requestAnimationFrame(frame) : 0;
    };
    playing = requestAnimationFrame(frame);
  }

  again.addEventListener("click", () => { state.seed++; fresh(); play() });
  back.addEventListener("click", () => { state.mix = threeGaussians(); update() });
  trail.addEventListener("change", () => { state.trail = trail.checked; draw() });
  const follow = p => { state.one = p; state.trail = trail.checked = true; draw() };
  next.addEventListener("click", () => follow((state.one + 1) % PARTICLES));
  drawn.box.addEventListener("click", e => {  // the nearest to where the reader pressed
    if (!states || e.target.closest("button")) return;
    const [x, y] = drawn.point(e), end = 2 * PARTICLES * Math.round(state.shown);
    const far = p => Math.hypot(states[end + 2 * p] - x, states[end + 2 * p + 1] - y);
    follow(labels.reduce((best, _, p) => far(p) < far(best) ? p : best, 0));
  });
  style(figure, draw, [drawn, wanted]);
  fresh();
  play();
  return guidance.input;
}
