// Guided digits of 28×28 pixels: a U-Net with two resolutions and attention, called twice at each
// step. The first half computes, in float32 as PyTorch stores it; the second is the figure. The
// scenes of `scenes.js` come from the same functions.
import {
  element, header, load, normals, numbered, paint, picture, slider, worker} from "./live.js";
import {alpha, sigma} from "./plane.js";
import {conv} from "./product.js";

export const open = () => load("guided");
export const silu = v => v / (1 + Math.exp(-v));

export function dense(x, weight, bias) {  // bias may be missing
  const n = x.length, out = new Float32Array(weight.length / n);
  for (let i = 0; i < out.length; i++) {
    let sum = bias ? bias[i] : 0;
    for (let k = 0, at = i * n; k < n; k++) sum += weight[at + k] * x[k];
    out[i] = sum;
  }
  return out;
}

// GroupNorm of (channels, pixels), then a function of each number
export function normed(x, weight, bias, groups, then = silu, eps = 1e-6) {
  const out = new Float32Array(x.length), part = x.length / groups;
  const pixels = x.length / weight.length;
  for (let g = 0; g < groups; g++) {
    let mean = 0, square = 0;
    for (let i = g * part; i < (g + 1) * part; i++) mean += x[i] / part;
    for (let i = g * part; i < (g + 1) * part; i++) square += (x[i] - mean) ** 2 / part;
    const scale = 1 / Math.sqrt(square + eps);
    for (let i = g * part; i < (g + 1) * part; i++) {
      const c = Math.floor(i / pixels);
      out[i] = then((x[i] - mean) * scale * weight[c] + bias[c]);
    }
  }
  return out;
}

export const sizeOf = (x, channels) => Math.sqrt(x.length / channels);
export const add = (a, b) => a.map((v, i) => v + b[i]);

// `nets.Residual`: norm, SiLU, convolution, twice, the condition added between
function residual(t, name, x, cond, groups) {
  const get = part => t[`${name}.first.${part}`], size = sizeOf(x, get("norm1.weight").length);
  let h = conv(normed(x, get("norm1.weight"), get("norm1.bias"), groups),
    get("conv1.weight"), get("conv1.bias"), size);
  const more = dense(cond, get("cond.weight")), pixels = size * size;
  h = h.map((v, i) => v + more[Math.floor(i / pixels)]);
  h = conv(normed(h, get("norm2.weight"), get("norm2.bias"), groups),
    get("conv2.weight"), get("conv2.bias"), size);
  return add(h, get("skip.weight") ? conv(x, get("skip.weight"), get("skip.bias"), size) : x);
}

// Each column of q takes a mean over those of v, weighted by how well those of k match it, in each
// head by its part of the c rows; `seen` hears the weights
export function attend(q, k, v, c, heads, seen) {
  const d = c / heads, n = q.length / c, m = k.length / c, mixed = new Float32Array(c * n);
  for (let h = 0; h < heads; h++) for (let p = 0; p < n; p++) {
    const match = new Array(m).fill(0);
    for (let j = h * d; j < (h + 1) * d; j++)
      for (let o = 0; o < m; o++) match[o] += q[j * n + p] * k[j * m + o];
    const top = Math.max(...match), e = match.map(m => Math.exp((m - top) / Math.sqrt(d)));
    const sum = e.reduce((a, b) => a + b, 0);
    for (let j = h * d; j < (h + 1) * d; j++) {
      let mean = 0;
      for (let o = 0; o < m; o++) mean += e[o] * v[j * m + o];
      mixed[j * n + p] = mean / sum;
    }
    seen?.(p, e.map(v => v / sum));
  }
  return mixed;
}
export const split = (x, parts) => Array.from(
  {length: parts}, (_, i) => x.subarray(i * x.length / parts, (i + 1) * x.length / parts));

// `nets.Attention`: each position takes a mean over all
function attention(t, name, x, groups, heads) {
  const get = part => t[`${name}.second.${part}`], c = get("norm.weight").length;
  const size = sizeOf(x, c);
  const qkv = conv(normed(x, get("norm.weight"), get("norm.bias"), groups, v => v),
    get("qkv.weight"), get("qkv.bias"), size);
  const mixed = attend(...split(qkv, 3), c, heads);
  return add(x, conv(mixed, get("out.weight"), get("out.bias"), size));
}

function doubled(x, channels) {  // each pixel four times
  const size = sizeOf(x, channels), out = new Float32Array(4 * x.length);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < 2 * size; y++)
      for (let col = 0; col < 2 * size; col++)
        out[(c * 2 * size + y) * 2 * size + col] = x[(c * size + (y >> 1)) * size + (col >> 1)];
  return out;
}

// γ and the digit as one vector, or γ alone; digit `classes` means "no digit"
function condition(t, {range: [low, high], width}, gamma, digit) {
  const half = width / 2, waves = new Float32Array(width);
  for (let j = 0; j < half; j++) {
    // in float32, as there: the fast features are large angles
    const tau = Math.fround(Math.fround(gamma - low) / (high - low));
    const angle = Math.fround(1000 * tau) * Math.exp(-Math.log(10000) / (half - 1) * j);
    waves[j] = Math.sin(angle);
    waves[j + half] = Math.cos(angle);
  }
  const first = dense(waves, t["condition.dense1.weight"], t["condition.dense1.bias"]).map(silu);
  const labels = t["condition.label.weight"];
  return dense(first, t["condition.dense2.weight"], t["condition.dense2.bias"]).map(
    (v, i) => silu(labels ? v + labels[digit * 4 * width + i] : v));
}

// How many channels the network reads
const channels = ({tensors: t}) => t["enter.weight"].length / t["enter.bias"].length / 9;

// `nets.UNet`; the names of the tensors say which steps it has
export function unet(model, x, gamma, digit) {
  const {tensors: t, header} = model, {groups, heads} = header, size = sizeOf(x, channels(model));
  const cond = condition(t, header, gamma, digit), reads = model.reads?.(digit);
  const has = name => t[`${name}.weight`] !== undefined;
  const block = (name, x) => {
    let h = residual(t, name, x, cond, groups);
    if (has(`${name}.second.qkv`)) h = attention(t, name, h, groups, heads);
    return has(`${name}.reads.q`) ? reads(name, h) : h;
  };
  let h = conv(x, t["enter.weight"], t["enter.bias"], size);
  const kept = [h];
  for (let i = 0; has(`down.${i}.first.conv`) || has(`down.${i}.first.conv1`); i++) {
    const [weight, bias] = ["weight", "bias"].map(p => t[`down.${i}.first.conv.${p}`]);
    h = weight ? conv(h, weight, bias, sizeOf(h, bias.length), 2)
      : block(`down.${i}`, h);
    kept.push(h);
  }
  for (let i = 0; i < 2; i++) h = block(`middle.${i}`, h);
  for (let i = 0; has(`up.${i}.first.conv`) || has(`up.${i}.first.conv1`); i++) {
    const [weight, bias] = ["weight", "bias"].map(p => t[`up.${i}.first.conv.${p}`]);
    if (weight) {
      const large = doubled(h, bias.length);
      h = conv(large, weight, bias, sizeOf(large, bias.length));
      continue;
    }
    const last = kept.pop(), joined = new Float32Array(h.length + last.length);
    joined.set(h);
    joined.set(last, h.length);
    h = block(`up.${i}`, joined);
  }
  h = normed(h, t["norm.weight"], t["norm.bias"], groups);
  return add(conv(h, t["leave.weight"], t["leave.bias"], size), x);
}

// ε̂ of a state; for `heads.PatchNet` four pixels are one position with four channels
export function predict(model, z, gamma, digit) {
  if (model.predict) return model.predict(z, gamma, digit);
  const {size} = model.header, at = [], count = channels(model), k = Math.sqrt(count);
  for (let c = 0; c < count; c++)
    for (let y = Math.floor(c / k); y < size; y += k)
      for (let x = c % k; x < size; x += k) at.push(y * size + x);
  const eps = unet(model, Float32Array.from(at, i => z[i]), gamma, digit);
  const out = new Float32Array(z.length);
  at.forEach((to, i) => out[to] = eps[i]);
  return out;
}

// One step of DDIM from γ_t to γ_s, and the guess of the digit; the guided noise is
// (1 + w) ε(z, c) − w ε(z), or with another digit in the place of none
export function step(model, z, t, s, digit, w, not = model.header.classes) {
  let eps = predict(model, z, t, digit);
  if (w) {
    const all = predict(model, z, t, not);
    eps = eps.map((v, i) => (1 + w) * v - w * all[i]);
  }
  const x = z.map((v, i) => (v - sigma(t) * eps[i]) / alpha(t));
  const keep = alpha(s) / alpha(t), noise = sigma(s) - keep * sigma(t);
  return {x, z: z.map((v, i) => keep * v + noise * eps[i])};
}

// The levels of a sampler with equal steps in time, under the linear schedule of the model
export const levels = ({header: {ends: [low, high]}}, steps) => Float64Array.from(
  {length: steps + 1}, (_, i) => high + (low - high) * i / steps);

// All that is seen on the way from noise to a digit: before each step what the network reads, after
// it what it guesses; at the end the pixels
export function* drawn(model, {digit, seed, w, steps, not}) {
  const gammas = levels(model, steps), {size} = model.header;
  let z = Float32Array.from(normals(seed)(size * size));
  for (let i = 0; i < steps; i++) {
    const read = z, made = step(model, z, gammas[i], gammas[i + 1], digit, w, not);
    z = made.z;
    yield {i, read, guess: made.x};
  }
  yield {pixels: z.map(v => v / alpha(gammas[steps]))};
}

// What the worker tells: a digit, and its twin without guidance
export function* told(model, wish) {
  yield* drawn(model, wish);
  for (const seen of drawn(model, {...wish, w: 0})) yield {...seen, twin: true};
}

// ------------------------------------------------------------------------------------ the figure

const SEEN = 6;  // states shown on the way
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const {size, classes} = await header("guided");
  const state = {digit: 3, seed: 1, w: 1, steps: 10};
  const pair = element("div", {class: "pair"}, stage);
  const [last, plain] = ["With guidance", "Same noise, w = 0"].map(text => {
    const holder = element("div", {}, pair);
    element("div", {class: "title", text}, holder);
    return picture(holder, size, text);
  });
  const keys = numbered(stage, classes, state, draw);
  const says = element("p", {class: "says", role: "status"}, stage);
  const aside = element("details", figure.closest(".hero") ? {} : {open: ""}, stage);
  element("summary", {text: "Weight, steps, and what the network reads"}, aside);
  const controls = element("div", {class: "controls"}, aside);
  slider("guidance weight w", {min: 0, max: 6, step: .5, value: state.w}, controls,
    v => { state.w = v; draw() });
  slider("number of steps", {min: 4, max: 32, step: 1, value: state.steps}, controls,
    v => { state.steps = v; draw() });
  const more = element("div", {class: "more"}, aside);
  const rows = ["What the network reads, from noise on", "What it guesses of the digit"];
  const [read, guessed] = rows.map(text => {
    element("div", {class: "title", text}, more);
    return picture(more, size, text, SEEN);
  });

  // a worker draws the digit, then its twin without guidance; each step is shown as it comes
  let begun = 0, ms = 0;
  const first = await new Promise((ready, failed) => {
    const ask = worker("guided", seen => {
      if (seen.error) return failed(new Error(seen.error));
      const {digit, seed, w, steps} = state;
      if (seen.twin) return paint(plain, seen.pixels ?? seen.guess, size);
      paint(last, seen.pixels ?? seen.guess, size);
      for (let k = 0; k < SEEN && !seen.pixels; k++) {
        if (seen.i !== Math.round(k * (steps - 1) / (SEEN - 1))) continue;
        paint(read, seen.read, size, k);
        paint(guessed, seen.guess, size, k);
      }
      ready(keys.first);
      if (!seen.pixels) return;
      ms = performance.now() - begun;
      const calls = w ? 2 * steps : steps;
      says.textContent = `A ${digit} from noise number ${seed} at w = ${w}: ${steps} steps, ` +
        `${calls} calls of the network, drawn in ${(ms / 1000).toFixed(1)} s by your browser.`;
      last.setAttribute("aria-label", `a ${digit} from noise number ${seed} at w = ${w}`);
      plain.setAttribute("aria-label", `a ${digit} from noise number ${seed} without guidance`);
      figures.set(figure, {digit, seed, w, steps, pixels: seen.pixels, ms});
    });
    stage.wish = () => {
      begun = performance.now();
      const noise = normals(state.seed)(size * size);  // what both begin with
      for (const canvas of [last, plain]) paint(canvas, noise, size);
      keys.show();
      ask(state);
    };
    stage.wish();
  });
  function draw() { stage.wish() }
  return first;
}
