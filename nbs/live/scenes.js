// Scenes of two digits of 16×16 pixels, drawn from a sentence: the U-Net of `guided.js`, whose
// blocks read words. The first half computes; the second is the figure.
import {element, header, load, noiseOf, normals, paint, picture, slider, worker} from "./live.js";
import {add, attend, dense, drawn, normed, silu, sizeOf, split, unet} from "./guided.js";
import {alpha, sigma} from "./plane.js";
import {conv} from "./product.js";
export {levels, step} from "./guided.js";

// The words of a sentence, as `split_words` has them
export const wordsOf = sentence =>
  sentence.toLowerCase().split(" ").filter(w => w && !["a", "an", "of", "the"].includes(w));

const same = v => v;
const columns = rows => Float32Array.from(
  {length: rows.length * rows[0].length},
  (_, i) => rows[i % rows.length][Math.floor(i / rows.length)]);

// `nets.WordEncoder`: a vector for each word and each place, and a transformer layer
function encode(t, tokens) {
  const get = part => ["weight", "bias"].map(p => t[`words.${part}.${p}`]);
  const linear = (part, rows) => rows.map(v => dense(v, ...get(part)));
  const norm = (part, rows) => rows.map(v => normed(v, ...get(part), 1, same, 1e-5));
  const plus = more => h.map((v, i) => add(v, more[i]));
  const [word, place] = [get("word")[0], get("place")[0]], n = tokens.length;
  const width = place.length / n, vector = (v, i) => v.subarray(i * width, (i + 1) * width);
  let h = tokens.map((w, i) => add(vector(word, w), vector(place, i)));
  const mixed = attend(...split(columns(linear("qkv", norm("norm1", h))), 3), width, 4);
  h = plus(linear("out", h.map((_, i) => mixed.filter((_, j) => j % n === i))));
  h = plus(linear("down", linear("up", norm("norm2", h)).map(v => v.map(silu))));
  return norm("norm", h);
}

// `nets.CrossAttention`: each position, which knows its row and column, takes a mean over words;
// `seen` hears how much of each
function reads(t, name, x, words, groups, heads, seen) {
  const get = part => ["weight", "bias"].map(p => t[`${name}.reads.${part}.${p}`]);
  const c = get("norm")[0].length, size = sizeOf(x, c), n = size * size;
  const where = Float32Array.from({length: 2 * n}, (_, i) =>
    4 * (i < n ? Math.floor(i / size) : i % size) / (size - 1) - 2);
  const q = add(
    conv(normed(x, ...get("norm"), groups, same), ...get("q"), size),
    conv(where, ...get("place"), size));
  const [k, v] = split(columns(words.map(w => dense(w, ...get("kv")))), 2);
  return add(x, conv(attend(q, k, v, c, heads, seen), ...get("out"), size));
}

// `heads.CategoricalNet`: the network sees how likely each gray level is at each pixel, and puts
// out what to add to its logarithm; the mean level is the guess of the picture
function byLevel(model, z, gamma, digit) {
  const k = model.header.facts.levels, n = z.length, [a, s] = [alpha(gamma), sigma(gamma)];
  const center = j => (2 * j + 1) / k - 1;
  const softmax = logits => {
    const out = logits.slice();
    for (let p = 0; p < n; p++) {
      let top = -Infinity, sum = 0;
      for (let i = p; i < out.length; i += n) top = Math.max(top, out[i]);
      for (let i = p; i < out.length; i += n) sum += out[i] = Math.exp(out[i] - top);
      for (let i = p; i < out.length; i += n) out[i] /= sum;
    }
    return out;
  };
  const like = Float32Array.from({length: k * n}, (_, i) =>
    -((z[i % n] / a - center(Math.floor(i / n))) ** 2) / 2 * Math.exp(-gamma));
  const seen = softmax(like).map(v => v - 1 / k);
  const posterior = softmax(add(like, unet(model, seen, gamma, digit)));
  return z.map((v, p) => {
    let x = 0;
    for (let j = 0; j < k; j++) x += posterior[j * n + p] * center(j);
    return (v - a * x) / s;
  });
}

// The model, whose blocks read the words of a sentence by its number; that after the last is empty
export async function open() {
  const model = await load("scenes"), {tensors: t, header: {config, facts, groups, heads}} = model;
  const rows = [...facts.names, ""].map(wordsOf), list = ["", ...[...new Set(rows.flat())].sort()];
  const n = Math.max(...rows.map(row => row.length));
  model.reads = digit => {
    const tokens = Array.from({length: n}, (_, i) => list.indexOf(rows[digit][i] ?? ""));
    const words = encode(t, tokens);
    return (name, x) => reads(t, name, x, words, groups, heads, model.seen?.(digit, name));
  };
  if (config.head === "levels") model.predict = (...args) => byLevel(model, ...args);
  return model;
}

// What the worker tells: each step, and how much each position has read of each word until then,
// over the heads and both blocks of 8×8 positions on the way up
export function* told(model, wish) {
  const {heads, facts: {names}} = model.header;
  const maps = wordsOf(names[wish.digit]).map(() => new Float32Array(SIDE * SIDE));
  let count = 0;
  model.seen = (digit, name) => {
    if (digit !== wish.digit || !READ.includes(name)) return null;
    count += heads;
    return (p, shares) => maps.forEach((map, i) => map[p] += shares[i]);
  };
  for (const seen of drawn(model, wish))
    yield {...seen, maps: maps.map(m => m.map(v => v / count))};
}

// ------------------------------------------------------------------------------------ the figure

const SIDE = 8, READ = ["up.3", "up.4"];  // where maps of words come from, and their size
const DIGITS = "zero one two three four five six seven eight nine".split(" ");
const RELATIONS = ["left of", "right of", "above", "below"];
const a = thing => ({eight: "an", something: "", nothing: ""})[thing] ?? "a";
export const figures = new WeakMap();  // figure → what it computed last, for the tests

export async function mount(figure, stage) {
  const {size, classes, unseen, facts: {names}} = await header("scenes");
  const state = {seed: 1, w: 2, steps: 24}, said = {
    first: "three", relation: "left of", second: "seven", not: "nothing"};
  const body = element("div", {class: "body"}, stage);
  const shown = picture(element("div", {class: "digit"}, body), size);
  const side = element("div", {}, body);

  // the sentence: lists, and the articles before them
  const words = element("div", {
    class: "buttons", role: "group", "aria-label": "the sentence"}, side);
  const articles = {};
  const [first] = Object.entries({
    first: DIGITS, relation: RELATIONS, second: [...DIGITS, "something"],
    not: ["nothing", ...DIGITS]}).map(([part, texts]) => {
    const label = element("label", {text: part === "not" ? "but not " : ""}, words);
    if (part !== "relation") articles[part] = element("span", {}, label);
    const name = part === "not" ? "but not" : part;
    const list = element("select", {"aria-label": name, autocomplete: "off"}, label);
    for (const text of texts) element("option", {text}, list);
    list.value = said[part];
    list.addEventListener("change", () => { said[part] = list.value; draw() });
    return list;
  });
  const seed = noiseOf(side, state, draw);
  const says = element("p", {class: "says", role: "status"}, side);

  const aside = element("details", figure.closest(".hero") ? {} : {open: ""}, stage);
  element("summary", {text: "Weight, steps, and where each word is read"}, aside);
  const controls = element("div", {class: "controls"}, aside);
  slider("guidance weight w", {min: 0, max: 6, step: .5, value: state.w}, controls,
    v => { state.w = v; draw() });
  slider("number of steps", {min: 4, max: 48, step: 1, value: state.steps}, controls,
    v => { state.steps = v; draw() });
  const row = element("div", {class: "chain maps"}, aside);
  const maps = [0, 1, 2].map(() => {
    const holder = element("div", {}, row);
    return [element("div", {class: "title"}, holder), picture(holder, SIDE)];
  });

  // a worker draws; each step is shown as it comes
  let begun = 0, sentence = "";
  const ready = new Promise((done, failed) => {
    stage.ask = worker("scenes", seen => {
      if (seen.error) return failed(new Error(seen.error));
      paint(shown, seen.pixels ?? seen.guess, size);
      seen.maps.forEach((map, i) => paint(maps[i][1], map.map(v => 2 * v - 1), SIDE));
      done(first);
      if (!seen.pixels) return;
      const {digit, not, steps, w} = state, ms = performance.now() - begun;
      const but = not < classes && w ? `, but not “${names[not]}”,` : "";
      says.textContent = `“${sentence}”${but} from noise number ${state.seed} at w = ${w}: ` +
        `${steps} steps, ${w ? 2 * steps : steps} calls of the network, drawn in ` +
        `${(ms / 1000).toFixed(1)} s by your browser.${unseen.includes(digit) ? " The training had no such scene." : ""}`;
      shown.setAttribute("aria-label", `what was drawn from “${sentence}”`);
      figures.set(figure, {...state, sentence, pixels: seen.pixels, maps: seen.maps, ms});
    });
  });
  function draw() {
    for (const [part, span] of Object.entries(articles)) span.textContent = `${a(said[part])} `;
    const {first, relation, second, not} = said;
    sentence = [a(first), first, relation, a(second), second].filter(Boolean).join(" ");
    state.digit = names.indexOf(sentence);
    state.not = not === "nothing" ? classes : names.indexOf(`${a(not)} ${not}`);
    wordsOf(sentence).forEach((word, i) => {
      maps[i][0].textContent = word;
      maps[i][1].setAttribute("aria-label", `where “${word}” is read`);
    });
    seed.value = state.seed;
    begun = performance.now();
    paint(shown, normals(state.seed)(size * size), size);
    stage.ask(state);
  }
  draw();
  return ready;
}
