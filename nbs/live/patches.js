// Pictures that are computed from the training pictures, a patch at a time, beside a network's.
// The first half computes, which the tests call; the second half is the figure.
import {element, get, header, paint, picture, slider} from "./live.js";
import {alpha, sigma} from "./plane.js";

export const levels = ({ends: [low, high], calls}) =>
  Float64Array.from({length: calls + 1}, (_, i) => high + (low - high) * i / calls);

// The best guess of each pixel from the square of `side` pixels around it: the mean of the pixels
// of all pictures there, weighted by exp(−‖z − αx‖² / 2σ²) of the square
export function denoise(x, z, a, s, size, side) {
  const n = x.length / size ** 2, r = Math.min(side >> 1, size), out = new Float64Array(size ** 2);
  const off = new Float64Array(n);
  for (let place = 0; place < out.length; place++) {
    const row = Math.floor(place / size), column = place % size;
    if (r >= size && place) { out[place] = mean(x, off, place, out.length); continue }
    off.fill(0);
    for (let i = Math.max(0, row - r); i <= Math.min(size - 1, row + r); i++) {
      for (let j = Math.max(0, column - r); j <= Math.min(size - 1, column + r); j++) {
        const at = i * size + j, own = z[at];
        for (let k = 0; k < n; k++) off[k] += (own - a * x[k * out.length + at]) ** 2;
      }
    }
    const least = off.reduce((u, v) => Math.min(u, v), Infinity);
    for (let k = 0; k < n; k++) off[k] = Math.exp((least - off[k]) / (2 * s * s));
    out[place] = mean(x, off, place, out.length);
  }
  return out;
}

function mean(x, weights, place, pixels) {
  let sum = 0, all = 0;
  for (let k = 0; k < weights.length; k++) {
    all += weights[k];
    sum += weights[k] * x[k * pixels + place];
  }
  return sum / all;
}

// DDIM from the noise z, with the side of the patch at each level
export function draw(x, z, gammas, size, sides) {
  for (let i = 0; i + 1 < gammas.length; i++) {
    const [a, s, to, left] = [alpha(gammas[i]), sigma(gammas[i]), alpha(gammas[i + 1]),
                              sigma(gammas[i + 1])];
    const guess = denoise(x, z, a, s, size, sides[i]);
    z = z.map((v, j) => to * guess[j] + left * (v - a * guess[j]) / s);
  }
  return z;
}

// The squared correlation of the pixels of two pictures
export function alike(a, b) {
  const center = v => { const m = v.reduce((s, u) => s + u, 0) / v.length; return v.map(u => u - m) };
  const dot = (u, v) => u.reduce((s, w, i) => s + w * v[i], 0), [p, q] = [center(a), center(b)];
  return dot(p, q) ** 2 / (dot(p, p) * dot(q, q));
}

// ------------------------------------------------------------------------------------ the figure

const SIDES = [1, 3, 5, 7, 9, 15], NAMES = ["one pixel", "3×3", "5×5", "7×7", "9×9", "the picture"];
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const [own, bytes] = await Promise.all([header("patches"), get("patches.bin", "arrayBuffer")]);
  const {size, n, count, chosen} = own, gammas = levels(own), pixels = size * size;
  const all = new Uint8Array(bytes), bright = v => (v + .5) / 128 - 1;
  const x = Float64Array.from(all.subarray(0, n * pixels), bright);
  const theirs = Float64Array.from(all.subarray(n * pixels, (n + count) * pixels), bright);
  const noise = new Float32Array(bytes.slice((n + count) * pixels));
  const part = (v, i) => Float64Array.from(v.subarray(i * pixels, (i + 1) * pixels));

  const rows = element("div", {class: "more"}, stage);
  element("div", {class: "title", text: "A network, from six noises"}, rows);
  const given = picture(rows, size, "what the network draws", count);
  element("div", {class: "title", text: "Patches of the training pictures"}, rows);
  const made = picture(rows, size, "what the patches draw", count);
  for (let i = 0; i < count; i++) paint(given, part(theirs, i), size, i);
  const controls = element("div", {class: "controls"}, stage);
  const says = element("p", {class: "says", role: "status"}, stage);

  let turn = 0;
  async function show(k) {
    const mine = ++turn, found = [], name = k < SIDES.length ? NAMES[k] : "by noise level";
    controls.querySelector("b").textContent = name;
    for (let i = 0; i < count; i++) {
      await new Promise(done => setTimeout(done));
      if (mine !== turn) return;  // a newer wish
      const sides = k < SIDES.length ? Array(gammas.length).fill(SIDES[k]) : chosen;
      const drawn = draw(x, part(noise, i), gammas, size, sides);
      found.push(alike(drawn, part(theirs, i)));
      paint(made, drawn, size, i);
    }
    const middle = [...found].sort((a, b) => a - b), m = (middle[2] + middle[3]) / 2;
    says.textContent = `Patch: ${name}. r² with the network's pictures: ${m.toFixed(2)}` +
      (k === SIDES.length - 1 ? ". Each is a training picture." : ".");
    figures.set(figure, {k, alike: found});
  }
  const {input} = slider("patch", {min: 0, max: SIDES.length, step: 1, value: SIDES.length},
                         controls, show);
  await show(SIDES.length);
  return input;
}
