// Guided digits by a variational diffusion model of 8×8 images: a small U-Net, called twice at
// each step. The first half computes, in float32 as PyTorch stores it; the second is the figure.
import {
  element, load, normals, numbered, paint, picture, slider} from "./live.js";
import {alpha, sigma} from "./plane.js";

const silu = v => v / (1 + Math.exp(-v));

function dense(x, weight, bias) {  // bias may be missing
  const n = x.length, out = new Float32Array(weight.length / n);
  for (let i = 0; i < out.length; i++) {
    let sum = bias ? bias[i] : 0;
    for (let k = 0, at = i * n; k < n; k++) sum += weight[at + k] * x[k];
    out[i] = sum;
  }
  return out;
}

// SiLU of a GroupNorm of (channels, pixels)
function normed(x, weight, bias, groups, eps = 1e-6) {
  const out = new Float32Array(x.length), part = x.length / groups;
  const pixels = x.length / weight.length;
  for (let g = 0; g < groups; g++) {
    let mean = 0, square = 0;
    for (let i = g * part; i < (g + 1) * part; i++) mean += x[i] / part;
    for (let i = g * part; i < (g + 1) * part; i++) square += (x[i] - mean) ** 2 / part;
    const scale = 1 / Math.sqrt(square + eps);
    for (let i = g * part; i < (g + 1) * part; i++) {
      const c = Math.floor(i / pixels);
      out[i] = silu((x[i] - mean) * scale * weight[c] + bias[c]);
    }
  }
  return out;
}

// A convolution of (channels, size, size) with odd kernels, as one matrix product: a row of `rows`
// holds what one pixel of the result sees
function conv(x, weight, bias, size) {
  const out = new Float32Array(bias.length * size * size), pixels = size * size;
  const n = weight.length / bias.length, k = n * pixels === x.length ? 1 : 3, r = (k - 1) / 2;
  const rows = new Float32Array(pixels * n);
  for (let i = 0; i < n; i++) {  // channel, row and column of a weight
    const c = Math.floor(i / (k * k)), dy = Math.floor(i / k) % k - r, dx = i % k - r;
    for (let y = Math.max(0, -dy); y < Math.min(size, size - dy); y++)
      for (let col = Math.max(0, -dx); col < Math.min(size, size - dx); col++)
        rows[(y * size + col) * n + i] = x[c * pixels + (y + dy) * size + col + dx];
  }
  for (let p = 0; p < pixels; p += 4) {  // four pixels at once: four sums that do not wait
    const a = p * n, b = a + n, c = b + n, d = c + n;
    for (let o = 0; o < bias.length; o++) {
      let s = 0, t = 0, u = 0, v = 0;
      for (let i = 0, at = o * n; i < n; i++) {
        const w = weight[at + i];
        s += w * rows[a + i];
        t += w * rows[b + i];
        u += w * rows[c + i];
        v += w * rows[d + i];
      }
      const to = o * pixels + p;
      out[to] = s + bias[o];
      out[to + 1] = t + bias[o];
      out[to + 2] = u + bias[o];
      out[to + 3] = v + bias[o];
    }
  }
  return out;
}

// `models.Residual`: norm, SiLU, convolution, twice, the condition added between
function residual(t, name, x, cond, {groups, size}) {
  const [get, pixels] = [part => t[`${name}.first.${part}`], size * size];
  let h = conv(normed(x, get("norm1.weight"), get("norm1.bias"), groups),
    get("conv1.weight"), get("conv1.bias"), size);
  const add = dense(cond, get("cond.weight"));
  h = h.map((v, i) => v + add[Math.floor(i / pixels)]);
  h = conv(normed(h, get("norm2.weight"), get("norm2.bias"), groups),
    get("conv2.weight"), get("conv2.bias"), size);
  const skip = get("skip.weight") ? conv(x, get("skip.weight"), get("skip.bias"), size) : x;
  return h.map((v, i) => v + skip[i]);
}

// `models.UNet` of one resolution without attention; digit `classes` means "no digit"
function unet(model, x, gamma, digit) {
  const {tensors: t, header} = model, {range: [low, high], width, size, groups} = header;
  const half = width / 2, cond0 = new Float32Array(width);
  for (let j = 0; j < half; j++) {
    // in float32, as there: the fast features are large angles
    const tau = Math.fround(Math.fround(gamma - low) / (high - low));
    const angle = Math.fround(1000 * tau) * Math.exp(-Math.log(10000) / (half - 1) * j);
    cond0[j] = Math.sin(angle);
    cond0[j + half] = Math.cos(angle);
  }
  const first = dense(cond0, t["condition.dense1.weight"], t["condition.dense1.bias"]).map(silu);
  const cond = dense(first, t["condition.dense2.weight"], t["condition.dense2.bias"]).map(
    (v, i) => silu(v + t["condition.label.weight"][digit * 4 * width + i]));

  let h = conv(x, t["enter.weight"], t["enter.bias"], size);
  const kept = [h];
  for (let i = 0; i < header.down; i++)
    kept.push(h = residual(t, `down.${i}`, h, cond, header));
  for (let i = 0; i < 2; i++) h = residual(t, `middle.${i}`, h, cond, header);
  for (let i = 0; i < header.down + 1; i++) {
    const joined = new Float32Array(2 * h.length);
    joined.set(h);
    joined.set(kept.pop(), h.length);
    h = residual(t, `up.${i}`, joined, cond, header);
  }
  h = normed(h, t["norm.weight"], t["norm.bias"], groups);
  const out = conv(h, t["leave.weight"], t["leave.bias"], size);
  return out.map((v, i) => v + x[i]);
}

function softmax(values) {
  const top = Math.max(...values), e = values.map(v => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map(v => v / sum);
}

// x̂ of a latent: `vdm.CategoricalNet`, a learned prior of each pixel times its exact likelihood
export function denoise(model, z, gamma, digit) {
  const {levels} = model.header, pixels = z.length, a = alpha(gamma), x = new Float32Array(pixels);
  const center = k => (2 * k + 1) / levels - 1, inputs = new Float32Array(levels * pixels);
  const like = Array.from(z, v => Array.from({length: levels},
    (_, k) => -.5 * Math.exp(-gamma) * (v / a - center(k)) ** 2));
  like.forEach((l, p) => softmax(l).forEach((v, k) => inputs[k * pixels + p] = v - 1 / levels));
  const prior = unet(model, inputs, gamma, digit);
  like.forEach((l, p) => softmax(l.map((v, k) => v + prior[k * pixels + p])).forEach(
    (v, k) => x[p] += v * center(k)));
  return x;
}

// One step of DDIM from γ_t to γ_s; the guided x̂ is (1 + w) x̂(z, c) − w x̂(z)
export function step(model, z, t, s, digit, w) {
  let x = denoise(model, z, t, digit);
  if (w) {
    const all = denoise(model, z, t, model.header.classes);
    x = x.map((v, i) => (1 + w) * v - w * all[i]);
  }
  return {x, z: z.map((v, i) => alpha(s) * x[i] + sigma(s) * (v - alpha(t) * x[i]) / sigma(t))};
}

// The levels of a sampler with equal steps in time, under the linear schedule of the model
export const levels = ({header: {range: [low, high]}}, steps) => Float64Array.from(
  {length: steps + 1}, (_, i) => high + (low - high) * i / steps);

// ------------------------------------------------------------------------------------ the figure

const SEEN = 6;  // guesses shown on the way
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const model = await load("guided"), {size} = model.header;
  const state = {digit: 5, seed: 10, w: 1, steps: 16};
  const keys = numbered(stage, model.header.classes, state, draw);
  const controls = element("div", {class: "controls"}, stage);
  slider("guidance weight w", {min: 0, max: 6, step: .5, value: state.w}, controls,
    v => { state.w = v; draw() });
  slider("number of steps", {min: 4, max: 64, step: 1, value: state.steps}, controls,
    v => { state.steps = v; draw() });
  const says = element("p", {class: "says", role: "status"}, stage);

  const pair = element("div", {class: "pair"}, stage);
  const [last, plain] = ["With guidance", "Same noise, w = 0"].map(text => {
    const holder = element("div", {}, pair);
    element("div", {class: "title", text}, holder);
    return picture(holder, size);
  });
  const more = element("div", {class: "more"}, stage);
  const rows = ["What the guided network reads on the way", "What it guesses"];
  const [read, guessed] = rows.map(text => {
    element("div", {class: "title", text}, more);
    return picture(more, size, text, SEEN);
  });

  // a step at a time, so that the page stays alive; a newer wish ends an older one
  let turn = 0;
  const pause = () => new Promise(done => setTimeout(done));
  async function walk(w, mine, seen) {
    const gammas = levels(model, state.steps), count = state.steps;
    let z = Float32Array.from(normals(state.seed)(size * size)), x;
    for (let i = 0; i < count; i++) {
      const before = z;
      ({x, z} = step(model, z, gammas[i], gammas[i + 1], state.digit, w));
      seen?.(before, x, i);
      await pause();
      if (mine !== turn) return null;
    }
    return z.map(v => v / alpha(gammas[count]));
  }

  async function draw() {
    const mine = ++turn, {digit, seed, w, steps} = state;
    keys.show();
    await pause();
    if (mine !== turn) return;
    const begun = performance.now();
    const pixels = await walk(w, mine, (before, x, i) => {
      paint(last, x, size);
      for (let k = 0; k < SEEN; k++) {
        if (i !== Math.round(k * (steps - 1) / (SEEN - 1))) continue;
        paint(read, before, size, k);
        paint(guessed, x, size, k);
      }
    });
    if (!pixels) return;
    const ms = performance.now() - begun;
    paint(last, pixels, size);
    const calls = w ? 2 * steps : steps;
    says.textContent = `A ${digit} from noise number ${seed} at w = ${w}: ${steps} steps, ` +
      `${calls} calls of the network, drawn in ${ms.toFixed(0)} ms by your browser.`;
    last.setAttribute("aria-label", `a ${digit} from noise number ${seed} at w = ${w}`);
    plain.setAttribute("aria-label", `a ${digit} from noise number ${seed} without guidance`);
    figures.set(figure, {digit, seed, w, steps, pixels, ms});
    const other = await walk(0, mine);
    if (other) paint(plain, other, size);
  }
  await draw();
  return keys.first;
}
