// Pictures that are computed from the training pictures, a patch at a time, beside a network's.
// The first half computes, which the tests call; the second half is the figure.
import {element, header, inflated, paint, picture, slider} from "./live.js";
import {alpha, sigma} from "./plane.js";

// The training pictures, pixel after pixel: x[p * n + k] is pixel p of picture k. And some noises,
// with what a network drew from them
export async function load() {
  const [own, buffer] = await Promise.all([header("patches"), inflated("patches.bin")]);
  const {n, count, size, ends: [low, high], calls} = own, pixels = size * size;
  const all = new Uint8Array(buffer), bright = own.levels.map(k => v => (v + .5) * 2 / k - 1);
  const cut = v => Array.from({length: count}, (_, i) =>
    Float64Array.from(v.subarray(i * pixels, (i + 1) * pixels)));
  return {
    ...own, x: Float64Array.from({length: n * pixels}, (_, i) =>
      bright[0](all[i % n * pixels + Math.floor(i / n)])),
    drawn: cut(all.subarray(n * pixels)).map(v => v.map(bright[1])),
    noise: cut(new Float32Array(buffer.slice((n + count) * pixels))),
    gammas: Float64Array.from({length: calls + 1}, (_, i) => high + (low - high) * i / calls)};
}

// Places whose patches are compared with one another: one, or all that the border cuts alike
function groups(size, r, anywhere) {
  const found = {}, cut = i => [Math.min(i, r), Math.min(size - 1 - i, r)];
  for (let p = 0; p < size * size; p++) {
    (found[anywhere ? [cut(Math.floor(p / size)), cut(p % size)] : p] ??= []).push(p);
  }
  return Object.values(found);
}

// ‖z − αx‖² of the square of 2r + 1 pixels around p and those around some places, of all pictures
function apart({x, n, size}, z, a, p, places, r) {
  const off = new Float64Array(places.length * n), row = Math.floor(p / size), column = p % size;
  for (let g = 0; g < places.length; g++) {
    for (let i = Math.max(-r, -row); i <= Math.min(r, size - 1 - row); i++) {
      for (let j = Math.max(-r, -column); j <= Math.min(r, size - 1 - column); j++) {
        add(off, g * n, x, (places[g] + i * size + j) * n, n, z[p + i * size + j], a);
      }
    }
  }
  return off;
}

function add(off, at, x, from, n, own, a) {
  for (let k = 0; k < n; k++) off[at + k] += (own - a * x[from + k]) ** 2;
}

// The mean of the pixels of all pictures at some places, weighted by exp(−off / 2σ²)
function mean({x, n}, off, places, s) {
  let least = Infinity, all = 0, sum = 0;
  for (let i = 0; i < off.length; i++) if (off[i] < least) least = off[i];
  for (let g = 0; g < places.length; g++) {
    for (let k = 0; k < n; k++) {
      const more = (off[g * n + k] - least) / (2 * s * s);
      if (more > 40) continue;  // its weight is below 1e-17
      const weight = Math.exp(-more);
      all += weight;
      sum += weight * x[places[g] * n + k];
    }
  }
  return sum / all;
}

// The best guess of each pixel from the square of `side` pixels around it, at noise σ
export function denoise(data, z, a, s, side, anywhere = false) {
  const {size} = data, r = Math.min(side >> 1, size - 1), out = new Float64Array(size * size);
  let off;
  for (const places of groups(size, r, anywhere)) {
    for (const p of places) {
      if (!off || r < size - 1) off = apart(data, z, a, p, places, r);  // the whole: once for all
      out[p] = mean(data, off, places, s);
    }
  }
  return out;
}

// The states of DDIM from the noise z, with a patch for each level: its side, and whether it is
// compared with those at all places
export function* ddim(data, z, patches) {
  const g = data.gammas;
  for (let i = 0; i < patches.length; i++) {
    const [a, s, to, left] = [alpha(g[i]), sigma(g[i]), alpha(g[i + 1]), sigma(g[i + 1])];
    const guess = denoise(data, z, a, s, ...patches[i]);
    yield z = z.map((v, p) => to * guess[p] + left * (v - a * guess[p]) / s);
  }
}

// The squared correlation of the pixels of two pictures
export function alike(a, b) {
  const center = v => v.map(u => u - v.reduce((s, w) => s + w) / v.length);
  const dot = (u, v) => u.reduce((s, w, i) => s + w * v[i], 0), [p, q] = [a, b].map(center);
  return dot(p, q) ** 2 / (dot(p, p) * dot(q, q));
}

// Whether a picture is one of the training pictures, to a gray level at each pixel
export function copied({x, n, levels}, z) {
  const near = k => z.every((v, p) => Math.abs(v - x[p * n + k]) < 2 / levels[0]);
  return Array.from({length: n}, (_, k) => k).some(near);
}

// ------------------------------------------------------------------------------------ the figure

const SIDES = [1, 3, 5, 7, 9, 15], SQUARE = side => `${side}×${side}`;
const NAMES = [
  "one pixel", ...SIDES.slice(1, -1).map(SQUARE), "the whole picture", "by noise level"];
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const data = await load(), {count, size, chosen} = data, last = SIDES.length;
  const rows = element("div", {class: "more"}, stage);
  element("div", {class: "title", text: "A network of four convolutions, from six noises"}, rows);
  const given = picture(rows, size, "six digits, as a network draws them", count);
  element("div", {class: "title", text: "Patches of the training pictures, the same noises"}, rows);
  const made = picture(rows, size, "no pictures yet", count);
  data.drawn.forEach((own, i) => paint(given, own, size, i));
  const controls = element("div", {class: "controls"}, stage);
  const says = element("p", {class: "says", role: "status"}, stage);

  const free = chosen.filter(([, anywhere]) => anywhere).length;
  const how = k => k === last - 1 ? "The whole picture is compared with all training pictures." :
    k < last ? `A patch of ${NAMES[k]} is compared with those at its place in all pictures.` :
    `At each of ${chosen.length} noise levels the patch whose guess is nearest to the network's, ` +
      `from ${SQUARE(chosen[0][0])} at the highest to ${NAMES[0]} at the lowest. ` +
      `At ${free} levels it is compared with those at all places that the border cuts alike.`;

  let turn = 0;
  const begin = k => {
    controls.querySelector("b").textContent = NAMES[k];
    input.setAttribute("aria-valuetext", NAMES[k]);
    says.textContent = `Computing: ${NAMES[k]}…`;
    show(k);
  };
  async function show(k) {
    const mine = ++turn, found = [], patches = k < last ? chosen.map(() => [SIDES[k]]) : chosen;
    let [copies, begun] = [0, performance.now()];
    for (let i = 0; i < count; i++) {
      let state;
      for (state of ddim(data, data.noise[i], patches)) {
        if (performance.now() - begun < 20) continue;
        await new Promise(done => setTimeout(done));  // the page stays alive
        if (mine !== turn) return;  // a newer wish
        begun = performance.now();
      }
      paint(made, state, size, i);
      found.push(alike(state, data.drawn[i]));
      copies += copied(data, state);
    }
    const sorted = [...found].sort((a, b) => a - b), half = count / 2;
    says.textContent = `${how(k)} r² with the network's pictures, the median of ${count}: ` +
      `${((sorted[half - 1] + sorted[half]) / 2).toFixed(2)}. ` +
      `Training pictures among them: ${copies}.`;
    made.setAttribute("aria-label", `six pictures that patches draw: ${NAMES[k]}`);
    figures.set(figure, {k, alike: found, copies});
  }
  const {input} = slider("patch", {min: 0, max: last, step: 1, value: last}, controls, begin);
  begin(last);
  return input;
}
