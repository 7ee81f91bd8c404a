// The posterior on a line: which clean values x may have become the noisy value z = αx + σε?
// The first half is mathematics, which the tests call; the second half is the figure.
import {colors, element, slider, style} from "./live.js";

// For data of several Gaussians {weights, means, std} the answer is Gaussians again: their shares,
// means and widths, and the mean of all
export function posterior(mix, z, sigma) {
  const alpha = Math.sqrt(1 - sigma * sigma);
  const parts = mix.means.map((mu, j) => {
    const v = (alpha * mix.std[j]) ** 2 + sigma * sigma;
    return {
      log: Math.log(mix.weights[j]) - Math.log(v) / 2 - (z - alpha * mu) ** 2 / (2 * v),
      mean: (sigma * sigma * mu + alpha * mix.std[j] ** 2 * z) / v,
      std: sigma * mix.std[j] / Math.sqrt(v)};
  });
  const top = Math.max(...parts.map(p => p.log));
  const all = parts.reduce((sum, p) => sum + Math.exp(p.log - top), 0);
  parts.forEach(p => { p.share = Math.exp(p.log - top) / all });
  return {parts, mean: parts.reduce((sum, p) => sum + p.share * p.mean, 0)};
}

export const density = (parts, x) => parts.reduce((sum, p) =>
  sum + p.share / p.std / Math.sqrt(2 * Math.PI) * Math.exp(-(((x - p.mean) / p.std) ** 2) / 2), 0);

// ------------------------------------------------------------------------------------ the figure

const LIM = 2.4, PEAKS = {weights: [.5, .5], means: [-1, 1], std: [.2, .2]};
const DATA = PEAKS.means.map((mean, j) => ({share: PEAKS.weights[j], mean, std: PEAKS.std[j]}));
const say = (v, digits = 2) => v.toFixed(digits).replace("-", "−");

export const figures = new WeakMap();  // figure → what it computed last, for the tests

export function mount(figure, stage) {
  const state = {z: .3, sigma: .8};
  const box = element("div", {class: "box", style: "aspect-ratio: 1.8; max-width: 32rem"}, stage);
  const c = element("canvas", {role: "img"}, box), ink = c.getContext("2d");
  const handle = element("button", {type: "button", class: "center", text: "z"}, box);
  const says = element("p", {class: "says"}, stage);
  const spoken = element("p", {class: "spoken", role: "status"}, stage);
  const controls = element("div", {class: "controls"}, stage);
  let found, speaking;

  function to(change) {
    Object.assign(state, change);
    state.z = Math.round(100 * Math.max(-2, Math.min(2, state.z))) / 100;
    found = posterior(PEAKS, state.z, state.sigma);
    const [left, right] = found.parts.map(p => Math.round(100 * p.share));
    says.textContent = `At z = ${say(state.z)} and σ = ${say(state.sigma)} the peak at −1 has ` +
      `${left} % and the peak at 1 has ${right} %. The mean, the best single guess, is ` +
      `${say(found.mean)}.`;
    c.setAttribute("aria-label", says.textContent);
    handle.setAttribute("aria-label", `z = ${say(state.z)}: the arrow keys move it`);
    clearTimeout(speaking);
    speaking = setTimeout(() => spoken.textContent = says.textContent, 800);
    figures.set(figure, {...state, mean: found.mean, shares: found.parts.map(p => p.share)});
    draw();
  }

  slider("noise σ", {min: .2, max: .99, step: .01, value: state.sigma}, controls,
    v => to({sigma: v}));
  handle.addEventListener("pointerdown", e => handle.setPointerCapture(e.pointerId));
  handle.addEventListener("pointermove", e => {
    if (!handle.hasPointerCapture(e.pointerId)) return;
    const r = box.getBoundingClientRect();
    to({z: (2 * (e.clientX - r.left) / r.width - 1) * LIM});
  });
  handle.addEventListener("keydown", e => {
    const way = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1}[e.key];
    if (!way) return;
    e.preventDefault();
    to({z: state.z + way * (e.shiftKey ? .5 : .05)});
  });

  function draw() {
    const look = colors(figure), wide = Math.max(1, box.clientWidth), high = wide / 1.8;
    const scale = devicePixelRatio || 1, floor = high - 64, [blue, orange] = look.classes;
    c.width = Math.round(wide * scale);
    c.height = Math.round(high * scale);
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    const at = x => (x / LIM + 1) / 2 * wide;
    const xs = Array.from({length: 241}, (_, i) => LIM * (i / 120 - 1));
    const top = Math.max(1.1, ...xs.map(x => density(found.parts, x))) * 1.12;
    const line = parts => {
      ink.beginPath();
      xs.forEach(x => ink.lineTo(at(x), floor * (1 - density(parts, x) / top)));
    };

    // the data, the posterior, its mean, the axis, and where z is on it
    line(DATA);
    Object.assign(ink, {fillStyle: blue, strokeStyle: blue, lineWidth: 2.5, globalAlpha: .25});
    ink.fill();
    ink.globalAlpha = 1;
    line(found.parts);
    ink.stroke();
    const rule = (x, from, until, color, dash) => {
      ink.setLineDash(dash);
      ink.strokeStyle = color;
      ink.beginPath();
      ink.moveTo(x, from);
      ink.lineTo(x, until);
      ink.stroke();
      ink.setLineDash([]);
    };
    rule(at(found.mean), 0, floor, orange, [7, 5]);
    rule(at(state.z), floor, high - 36, look.ink, []);
    Object.assign(ink, {fillStyle: look.ink, font: `13px ${look.font}`, textAlign: "center"});
    ink.fillRect(0, floor, wide, 1);
    for (const v of [-2, -1, 0, 1, 2]) {
      ink.fillRect(at(v), floor, 1, 5);
      if (Math.abs(v - state.z) > .2) ink.fillText(say(v, 0), at(v), floor + 18);
    }
    ink.fillText("x", wide - 12, floor + 18);
    Object.assign(handle.style, {left: `${at(state.z)}px`, top: `${high - 22}px`});
  }

  to({});
  style(figure, draw, [{box}]);
  return handle;
}
