// Digits by the generator that was trained in four steps: matrix products, in float32 as PyTorch
// stores them. The first half computes; the second half is the figure.
import {element, load, normals, numbered, paint, picture} from "./live.js";

// Wx + b, and leaky ReLU before the next layer
function dense(x, weight, bias) {
  const out = new Float32Array(bias.length), n = x.length;
  for (let i = 0, at = 0; i < out.length; i++, at += n) {
    let sum = bias[i];
    for (let k = 0; k < n; k++) sum += weight[at + k] * x[k];
    out[i] = sum;
  }
  return out;
}
const leaky = h => h.map(v => v > 0 ? v : .2 * v);

// x̂ from the state z, the step s, the latent and the digit: `ddgan.nets.MLPGenerator`
export function network(model, z, s, latent, digit) {
  const t = model.tensors, joined = new Float32Array(z.length + latent.length);
  joined.set(z);
  joined.set(latent, z.length);
  let h = dense(joined, t["enter.weight"], t["enter.bias"]);
  const step = t["step.weight"], label = t["label.weight"], n = h.length;
  for (let i = 0; i < n; i++) h[i] += step[s * n + i] + label[digit * n + i];
  for (let i = 0; i < model.header.layers; i++)
    h = dense(leaky(h), t[`layers.${i}.weight`], t[`layers.${i}.bias`]);
  return dense(leaky(h), t["leave.weight"], t["leave.bias"]);
}

// How many random numbers a digit takes: the first state; then a latent and fresh noise for a call
export const numbers = model => {
  const {dims, latent, steps} = model.header;
  return dims + steps * (latent + dims);
};

// All states and all guesses, from noise to data: `ddgan.generate(…, trajectory=True)`
export function generate(model, digit, noise) {
  const {dims, latent, steps, posterior} = model.header;
  let at = 0;
  const take = n => noise.subarray(at, at += n);
  let z = Float32Array.from(take(dims));
  const states = [z], guesses = [];
  for (let s = steps - 1; s >= 0; s--) {
    const guess = network(model, z, s, take(latent), digit), fresh = take(dims);
    const {z: kz, x: kx, std} = posterior[s];  // of q(z_s | z_t, x), V8 to V10
    z = z.map((v, i) => kz * v + kx * guess[i] + std * fresh[i]);
    guesses.push(guess);
    states.push(z);
  }
  return {states, guesses};
}

// Pixels from −1 to 1 of coefficients: `data.Components.decode`
export function decode(model, z) {
  const {mean, basis} = model.tensors, {scale} = model.header, out = Float32Array.from(mean);
  z.forEach((v, i) => {
    for (let p = 0, at = i * out.length; p < out.length; p++) out[p] += scale * v * basis[at + p];
  });
  return out.map(v => Math.max(-1, Math.min(1, v)));
}

// ------------------------------------------------------------------------------------ the figure

const MORE = 8;  // digits from other noise, below
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const model = await load("digits"), {header} = model, {size, steps} = header;
  const state = {digit: 3, seed: 1}, keys = numbered(stage, header.classes, state, draw);
  const says = element("p", {class: "says", role: "status"}, stage);

  // the digit, large; beside it the chain, call by call; below, the same digit from other noise
  const body = element("div", {class: "body"}, stage);
  const digit = element("div", {class: "digit"}, body);
  element("div", {class: "title", text: "The digit"}, digit);
  const last = picture(digit, size);
  const chain = element("ol", {class: "chain"}, body);
  const calls = [...Array(steps).keys()].map(i => {
    const s = steps - 1 - i, item = element("li", {}, chain);
    element("div", {class: "title", text: `Call ${i + 1}`}, item);
    const before = picture(item, size, `what call ${i + 1} reads`);
    const level = t => `σ\u00a0=\u00a0${header.sigma[t].toFixed(2)}`;
    element("div", {class: "small", text: `reads this, ${level(s + 1)}`}, item);
    const guess = picture(item, size, `the guess of call ${i + 1}`);
    const then = s ? `then noise up to ${level(s)}` : "this is the digit";
    element("div", {class: "small", text: `guesses this; ${then}`}, item);
    return {before, guess};
  });
  const more = element("div", {class: "more"}, stage);
  const from = `The same digit from the ${MORE} noises that follow`;
  element("div", {class: "title", text: from}, more);
  const others = picture(more, size, "", MORE);

  function draw() {
    const noise = Float32Array.from(normals(state.seed)(numbers(model)));
    const begun = performance.now();
    const {states, guesses} = generate(model, state.digit, noise);
    const pixels = decode(model, states[steps]);
    const ms = performance.now() - begun;

    paint(last, pixels, size);
    last.setAttribute("aria-label", `a ${state.digit}, drawn from noise number ${state.seed}`);
    calls.forEach(({before, guess}, i) => {
      paint(before, decode(model, states[i]), size);
      paint(guess, decode(model, guesses[i]), size);
    });
    others.setAttribute("aria-label", `${MORE} more of the digit ${state.digit}, all different`);
    for (let i = 0; i < MORE; i++) {
      const noise = Float32Array.from(normals(state.seed + 1 + i)(numbers(model)));
      paint(others, decode(model, generate(model, state.digit, noise).states[steps]), size, i);
    }

    keys.show();
    says.textContent = `A ${state.digit} from noise number ${state.seed}: ` +
      `drawn in ${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms by your browser.`;
    figures.set(figure, {...state, noise, states, pixels, ms});
  }

  draw();
  draw();  // the first call also translates the program; the time shown is that of a call
  return keys.first;
}
