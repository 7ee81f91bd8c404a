// What the live figures share: they are loaded when the reader presses Start, and not before.

export function element(tag, {text, ...attributes}, parent) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent?.append(e);
  return e;
}

// A native slider with its name and its value beside it
export function slider(name, {value, ...range}, parent, changed) {
  const label = element("label", {class: "slider"}, parent);
  const words = element("span", {text: `${name}: `}, label);
  const shown = element("b", {text: value, "aria-hidden": true}, words);
  const input = element("input", {type: "range", autocomplete: "off", ...range, value}, label);
  const set = v => { input.value = v; shown.textContent = Number(input.value) };
  input.addEventListener("input", () => { set(input.value); changed(Number(input.value)) });
  return {input, set};
}

// Standard normal numbers that are a function of a seed: mulberry32, then Box and Muller
export function normals(seed) {
  let a = seed >>> 0;
  const uniform = () => {
    a = a + 0x6D2B79F5 | 0;
    let t = Math.imul(a ^ a >>> 15, 1 | a);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
  return n => {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i += 2) {
      const r = Math.sqrt(-2 * Math.log(1 - uniform())), turn = 2 * Math.PI * uniform();
      out[i] = r * Math.cos(turn);
      if (i + 1 < n) out[i + 1] = r * Math.sin(turn);
    }
    return out;
  };
}

// The tensors of a file, in the order of its header: a scale for each row in float32, then the
// row's numbers in eight bits; a vector is its scales
export function unpack(header, bytes) {
  const tensors = {};
  let at = 0;
  for (const {name, shape} of header.tensors) {
    const n = shape.reduce((a, b) => a * b, 1), rows = shape.length > 1 ? shape[0] : n;
    const scale = new Float32Array(bytes.slice(at, at += 4 * rows)), row = n / rows;
    tensors[name] = scale;
    if (shape.length < 2) continue;
    const whole = new Int8Array(bytes, at, n);
    tensors[name] = Float32Array.from(whole, (v, i) => v * scale[Math.floor(i / row)]);
    at += n;
  }
  if (at !== bytes.byteLength) throw new Error(`expected ${at} bytes; got ${bytes.byteLength}`);
  return tensors;
}

// A file beside this one; the header and the weights of a model
export async function get(file, how) {
  const answer = await fetch(new URL(file, import.meta.url));
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  return answer[how]();
}
export async function inflated(file) {
  const whole = (await get(file, "blob")).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(whole).arrayBuffer();
}
export const header = name => get(`${name}.json`, "json");
export async function load(name) {
  const [own, bytes] = await Promise.all([header(name), inflated(`${name}.bin`)]);
  return {header: own, tensors: unpack(own, bytes)};
}

// A worker that computes, so that the page stays alive; a newer wish ends an older one
export function worker(kind, heard) {
  const other = new Worker(new URL("work.js", import.meta.url), {type: "module"});
  let turn = 0;
  other.onmessage = ({data}) => { if (data.turn === turn) heard(data) };
  other.onerror = e => heard({error: e.message || "the browser runs no worker"});
  return wish => other.postMessage({...wish, kind, turn: ++turn});
}

// A canvas for images of one size, side by side, and pixels from −1 to 1 in one of its places
const gap = size => size > 10 ? 2 : 1;
export const picture = (parent, size, label = "", count = 1) => element("canvas", {
  width: count * (size + gap(size)) - gap(size), height: size, role: "img",
  "aria-label": label}, parent);

export function paint(canvas, pixels, size, column = 0) {
  const image = new ImageData(size, size);
  pixels.forEach((v, i) => {
    const gray = 255 * Math.max(0, Math.min(1, (v + 1) / 2));
    image.data.set([gray, gray, gray, 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, column * (size + gap(size)), 0);
}

// Which digit, from which noise: ten buttons, and the keys 0 to 9 for who is in the figure
export function numbered(stage, classes, state, draw) {
  const keys = element("div", {class: "keys", role: "group", "aria-label": "which digit"}, stage);
  const buttons = Array.from({length: classes}, (_, d) => {
    const b = element("button", {type: "button", text: d, "aria-pressed": false}, keys);
    b.addEventListener("click", () => { state.digit = d; draw() });
    return b;
  });
  const seed = noiseOf(stage, state, draw);
  stage.addEventListener("keydown", e => {
    if (e.target === seed || e.ctrlKey || e.metaKey || e.altKey || !/^\d$/.test(e.key)) return;
    state.digit = Number(e.key);
    buttons[state.digit].focus();
    draw();
  });
  const show = () => {
    seed.value = state.seed;
    buttons.forEach((b, d) => b.setAttribute("aria-pressed", d === state.digit));
  };
  return {show, first: buttons[state.digit]};
}

// From which noise: a button for the next one, and its number
export function noiseOf(parent, state, draw) {
  const row = element("div", {class: "buttons"}, parent);
  const other = element("button", {type: "button", text: "Other noise"}, row);
  const label = element("label", {text: "noise number "}, row);
  const seed = element("input", {
    type: "number", min: 0, max: 999999, step: 1, value: state.seed}, label);
  other.addEventListener("click", () => { state.seed++; draw() });
  seed.addEventListener("change", () => {
    const n = Math.round(Number(seed.value));
    if (Number.isFinite(n)) state.seed = Math.max(0, Math.min(999999, n));
    draw();
  });
  return seed;
}

// The colors of `viz`, safe for color-blind readers; the blue is lighter where the page is dark
export function colors(figure) {
  const look = getComputedStyle(figure), [r, g, b] = look.color.match(/[\d.]+/g).map(Number);
  const dark = r + g + b > 382;
  return {dark, ink: look.color, paper: dark ? "#222" : "#fff", font: look.fontFamily,
          classes: [dark ? "#56B4E9" : "#0072B2", "#E69F00", dark ? "#00C48C" : "#009E73"]};
}

// A square panel with axes from −lim to lim, sharp on every screen
export function canvas(title, parent, lim) {
  const holder = element("div", {class: "panel"}, parent);
  element("div", {class: "title", text: title}, holder);
  const box = element("div", {class: "box"}, holder);
  const c = element("canvas", {role: "img", "aria-label": title}, box), ink = c.getContext("2d");
  const panel = {box, ink, size: 0};
  panel.pixel = (x, y) => [(x / lim + 1) / 2 * panel.size, (1 - y / lim) / 2 * panel.size];
  panel.point = e => {
    const r = c.getBoundingClientRect();
    return [(2 * (e.clientX - r.left) / r.width - 1) * lim,
            (1 - 2 * (e.clientY - r.top) / r.height) * lim];
  };
  panel.label = words => c.setAttribute("aria-label", `${title}: ${words}`);
  panel.image = (picture, reach) => {  // a square from −reach to reach
    const small = new OffscreenCanvas(picture.width, picture.height);
    small.getContext("2d").putImageData(picture, 0, 0);
    const [x, y] = panel.pixel(-reach, reach), side = panel.size * reach / lim;
    ink.drawImage(small, x, y, side, side);
  };
  panel.clear = look => {
    const size = Math.max(1, box.clientWidth), scale = devicePixelRatio || 1;
    if (c.width !== Math.round(size * scale)) c.width = c.height = Math.round(size * scale);
    panel.size = size;
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, size, size);

    // ticks along the lower and the left edge, and the names of the axes at their ends
    ink.fillStyle = ink.strokeStyle = look.ink;
    ink.font = `12px ${look.font}`;
    ink.lineWidth = 1;
    ink.globalAlpha = .85;
    for (let v = -Math.floor(lim - .2); v <= lim - .2; v++) {
      const [x, y] = panel.pixel(v, v), text = String(v).replace("-", "−");
      ink.fillRect(x, size - 5, 1, 5);
      ink.fillRect(0, y, 5, 1);
      ink.textAlign = "center";
      if (v > -lim + 1) ink.fillText(text, x, size - 8);
      ink.textAlign = "left";
      if (v > -lim + 1) ink.fillText(text, 8, y + 4);
    }
    ink.textAlign = "right";
    ink.fillText("x₁", size - 6, size - 8);
    ink.textAlign = "left";
    ink.fillText("x₂", 6, 14);
    ink.globalAlpha = 1;
  };
  return panel;
}

// Draw again when the size or the colors of the page change
export function style(figure, draw, panels) {
  let waiting = 0;
  const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw) };
  const sizes = new ResizeObserver(soon);
  panels.forEach(p => sizes.observe(p.box));
  new MutationObserver(soon).observe(document.documentElement, {attributeFilter: ["data-scheme"]});
}

// Pressed: fetch the look and the figure, put it in the place of the picture, give it the focus
export async function start(figure, pressed = true) {
  const name = figure.dataset.live, here = new URL(".", import.meta.url);
  const begun = figure.querySelector(".ds-live-start"), said = begun.querySelector("span");
  begun.querySelector("button").disabled = true;
  said.textContent = "Loading…";
  try {
    if (!document.querySelector("link[data-live]")) {
      const link = element("link", {rel: "stylesheet", href: new URL("live.css", here),
                                    "data-live": ""});
      const ready = new Promise(done => { link.onload = link.onerror = done });
      document.head.append(link);
      await ready;
    }
    const stage = element("div", {class: "stage"});
    const {mount} = await import(`./${name}.js`);
    figure.querySelector(".ds-live-still").replaceWith(stage);
    const first = await mount(figure, stage);
    begun.remove();
    if (pressed) first?.focus({preventScroll: true, focusVisible: false});
  } catch (e) {
    begun.querySelector("button").disabled = false;
    said.textContent = `The figure could not be loaded: ${e.message}`;
    console.warn(e);
  }
}
