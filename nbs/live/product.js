// The products that a convolution comes to: four numbers at a time where the browser has vectors
// (product.wat), and one after the other where it has none.
let vectors = null;
try {
  const answer = await fetch(new URL("product.wasm", import.meta.url));
  if (answer.ok) vectors = (await WebAssembly.instantiate(await answer.arrayBuffer())).instance.exports;
} catch (e) { /* an old browser */ }
export const plain = () => { vectors = null };  // for the tests
const kept = new WeakMap();  // weights → the same, a row for each result with the channels last
let end = 16;                // the first byte of the memory that holds nothing yet

const view = (at, count) => new Float32Array(vectors.memory.buffer, at, count);
function room(count) {
  const at = end, size = vectors.memory.buffer.byteLength;
  end += 16 * Math.ceil(count / 4);
  if (end > size) vectors.memory.grow(Math.ceil((end - size) / 65536));
  return at;
}

function keep(weight, bias, n, channels) {
  const fits = vectors && n % 4 === 0 && bias.length % 2 === 0, taps = n / channels;
  const at = fits ? [room(weight.length), room(bias.length)] : null;
  const rows = at ? view(at[0], weight.length) : new Float32Array(weight.length);
  for (let o = 0; o < weight.length; o += n)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < taps; k++) rows[o + k * channels + c] = weight[o + c * taps + k];
  if (at) view(at[1], bias.length).set(bias);
  return {at, rows};
}

// A convolution of (channels, size, size) with kernels of 1 or 3, at each pixel or at every second
// one: a row of `rows` holds what one pixel of the result sees
export function conv(x, weight, bias, size, stride = 1) {
  const channels = x.length / (size * size), n = weight.length / bias.length, outs = bias.length;
  const k = n === channels ? 1 : 3, r = (k - 1) / 2, side = size / stride, pixels = side * side;
  const whole = 4 * Math.ceil(pixels / 4);
  if (!kept.has(weight)) kept.set(weight, keep(weight, bias, n, channels));
  const own = kept.get(weight), fast = vectors && own.at, free = end;
  const [from, to] = fast ? [room(whole * n), room(whole * outs)] : [];
  const rows = fast ? view(from, whole * n).fill(0) : new Float32Array(whole * n);

  const turned = new Float32Array(x.length);  // (size, size, channels)
  for (let c = 0, i = 0; c < channels; c++)
    for (let p = c; p < x.length; p += channels) turned[p] = x[i++];
  for (let y = 0, row = 0; y < side; y++) for (let col = 0; col < side; col++, row += n)
    for (let dy = -r; dy <= r; dy++) for (let dx = -r; dx <= r; dx++) {
      const b = stride * y + dy, a = stride * col + dx;
      if (a < 0 || b < 0 || a >= size || b >= size) continue;
      const into = row + ((dy + r) * k + dx + r) * channels, at = (b * size + a) * channels;
      for (let c = 0; c < channels; c++) rows[into + c] = turned[at + c];
    }

  const out = new Float32Array(outs * pixels);
  if (fast) {
    vectors.product(...own.at, from, to, n, whole, outs);
    const made = view(to, whole * outs);
    for (let o = 0; o < outs; o++)
      out.set(made.subarray(o * whole, o * whole + pixels), o * pixels);
    end = free;
    return out;
  }
  const weights = own.rows;
  for (let o = 0, i = 0; o < outs; o++) for (let p = 0; p < pixels; p++) {
    let sum = bias[o];
    for (let j = 0, w = o * n, a = p * n; j < n; j++) sum += weights[w + j] * rows[a + j];
    out[i++] = sum;
  }
  return out;
}
