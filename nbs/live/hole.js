// A hole that the reader draws over a digit, and eight answers of the network of the guided digits,
// which is not told which digit it is. The first half computes; the second is the figure.
import {
  element, get, header, normals, numbered, paint, picture, slider, worker} from "./live.js";
import {alpha, sigma} from "./plane.js";
import {levels, open, predict} from "./guided.js";
export {open};

// The noise of one answer: the first state, and two draws for each step
export const noises = (seed, k, steps, n) =>
  Float32Array.from(normals(ANSWERS * seed + k)((1 + 2 * steps) * n));

// One step of `inverse.replacement`, from γ_t to γ_s: what is seen gets the picture with the noise
// of its level, and then all of it takes a step of ancestral sampling
export function step(model, z, t, s, seen, hole, again, fresh) {
  z = z.map((v, i) => hole[i] ? v : alpha(t) * seen[i] + sigma(t) * again[i]);
  const eps = predict(model, z, t, model.header.classes);
  const a = alpha(s) / alpha(t), b = a * sigma(t) * Math.expm1(s - t);
  const noise = sigma(s) * Math.sqrt(-Math.expm1(s - t));
  return z.map((v, i) => a * v + b * eps[i] + noise * fresh[i]);
}

// The answers one after the other, as they look after each step
export function* told(model, {seed, steps, hole, y}) {
  const n = y.length, gammas = levels(model, steps);
  for (let k = 0; k < ANSWERS; k++) {
    const noise = noises(seed, k, steps, n), take = i => noise.subarray(i * n, (i + 1) * n);
    let z = take(0);
    for (let i = 0; i < steps; i++) {
      z = step(model, z, gammas[i], gammas[i + 1], y, hole, take(1 + 2 * i), take(2 + 2 * i));
      const end = alpha(gammas[i + 1]), last = i === steps - 1;
      yield {k, z: last && z, pixels: z.map((v, j) => hole[j] ? v / end : y[j])};
    }
  }
}

// ------------------------------------------------------------------------------------ the figure

const ANSWERS = 8, BRUSH = 3;  // pixels
const PARTS = {"Right third": x => x >= .64, "Lower third": (x, y) => y >= .64,
               "Upper half": (x, y) => y < .5, "Lower half": (x, y) => y >= .5,
               "Left half": x => x < .5, "Right half": x => x >= .5};
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const [{size, classes}, bytes] = await Promise.all([
    header("guided"), get("hole.bin", "arrayBuffer")]);
  const state = {digit: 4, seed: 1, steps: 16}, n = size * size;
  const hole = new Uint8Array(n);
  const hide = where => hole.forEach(
    (_, i) => hole[i] = where((i % size) / size, Math.floor(i / size) / size));
  hide(PARTS["Right third"]);
  const digits = new Uint8Array(bytes);  // ten held-out pictures, one of each digit
  const image = () => Float32Array.from(
    digits.subarray(state.digit * n, (state.digit + 1) * n), v => (v + .5) / 128 - 1);

  const keys = numbered(stage, classes, state, fill);
  const body = element("div", {class: "hole"}, stage);
  const board = element("div", {}, body);
  element("div", {class: "title", text: "Draw over it what shall be hidden"}, board);
  const given = picture(board, size);
  const halves = element("div", {class: "buttons"}, board);
  for (const [text, where] of Object.entries(PARTS)) {
    element("button", {type: "button", text}, halves).addEventListener("click", () => { hide(where); fill() });
  }
  element("button", {type: "button", text: "Nothing"}, halves).addEventListener("click", () => {
    hole.fill(0);
    fill();
  });
  const answers = element("div", {}, body);
  element("div", {class: "title", text: "Eight answers, one after the other"}, answers);
  const rows = [0, 1].map(() => picture(answers, size, "no answers yet", ANSWERS / 2));
  slider("number of steps", {min: 4, max: 40, step: 1, value: state.steps}, answers,
    v => { state.steps = v; fill() });
  const says = element("p", {class: "says", role: "status"}, stage);

  function show() {
    keys.show();
    paint(given, image(), size);
    const ink = given.getContext("2d");
    ink.fillStyle = "#E69F00";
    hole.forEach((v, i) => v && ink.fillRect(i % size, Math.floor(i / size), 1, 1));
    const hidden = hole.reduce((a, b) => a + b);
    given.setAttribute("aria-label", `a ${state.digit}; ${hidden} of ${n} pixels are hidden`);
    return hidden;
  }

  // a pointer hides what is near it, and when it is lifted the answers begin
  let last = null;
  const at = e => {
    const r = given.getBoundingClientRect();
    return [(e.clientX - r.left) / r.width * size, (e.clientY - r.top) / r.height * size];
  };
  function brush([x, y]) {
    const [x0, y0] = last ?? [x, y], count = Math.ceil(Math.hypot(x - x0, y - y0)) + 1;
    for (let k = 1; k <= count; k++) {
      const [cx, cy] = [x0 + (x - x0) * k / count, y0 + (y - y0) * k / count];
      hole.forEach((_, i) => {
        const [dx, dy] = [i % size + .5 - cx, Math.floor(i / size) + .5 - cy];
        if (dx * dx + dy * dy < BRUSH * BRUSH) hole[i] = 1;
      });
    }
    last = [x, y];
    show();
  }
  given.classList.add("board");
  given.addEventListener("pointerdown", e => {
    given.setPointerCapture(e.pointerId);
    brush(at(e));
  });
  given.addEventListener("pointermove", e => { if (last) brush(at(e)) });
  for (const end of ["pointerup", "pointercancel"]) {
    given.addEventListener(end, () => { if (last) { last = null; fill() } });
  }

  // a worker answers; each step is shown as it comes
  let begun = 0, drawn = [];
  const ask = worker("hole", seen => {
    if (seen.error) return says.textContent = `No answer comes: ${seen.error}`;
    const {seed, steps, digit} = state, hidden = hole.reduce((a, b) => a + b);
    paint(rows[Math.floor(2 * seen.k / ANSWERS)], seen.pixels, size, seen.k % (ANSWERS / 2));
    if (seen.z) drawn.push(seen.z);
    if (drawn.length < ANSWERS) return;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    says.textContent = `Eight answers to ${hidden} hidden pixels of a ${digit}, from noise number ` +
      `${seed}: ${ANSWERS * steps} calls of the network, in ${seconds} s by your browser.`;
    rows.forEach(row => row.setAttribute("aria-label", `four answers to the hole in a ${digit}`));
    figures.set(figure, {
      ...state, hole: [...hole], y: image(), first: drawn[0], count: drawn.length});
  });
  function fill() {
    const hidden = show(), {seed, steps} = state;
    rows.forEach(row => row.getContext("2d").clearRect(0, 0, row.width, row.height));
    rows.forEach(row => row.setAttribute("aria-label", "no answers yet"));
    says.textContent = hidden ?
      `${hidden} pixels are hidden; ${ANSWERS * steps} calls of the network…` :
      "Nothing is hidden: draw over the digit, or take a part of it away.";
    [begun, drawn] = [performance.now(), []];
    if (hidden) ask({seed, steps, hole: hole.slice(), y: image()});
  }
  fill();
  return keys.first;
}
