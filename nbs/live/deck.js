// A deck of slides: formulas, keys, clicks.
const all = [...document.querySelectorAll('section')];
document.querySelectorAll('.math').forEach(e => katex.render(e.textContent, e, {
  displayMode: e.classList.contains('display'), throwOnError: false}));
const at = () => Math.min(Math.max(parseInt(location.hash.slice(1)) || 1, 1), all.length);
const show = () => all.forEach((s, i) => s.classList.toggle('now', i + 1 === at()));
// Words and formulas that are larger than a slide become smaller.
const box = e => e.getBoundingClientRect();
const fits = s => [...s.querySelectorAll('.katex-html, p, h1, h2, figcaption, pre')].every(e => {
  const b = box(e), end = box(s.querySelector('footer')).top;
  return b.top >= box(s).top && b.bottom <= end && b.right <= innerWidth;
});
addEventListener('load', async () => {
  all.forEach(s => s.classList.add('now'));
  document.body.offsetTop;  // lays all out, so that their fonts begin to load
  await Promise.allSettled([...document.fonts].map(f => f.status === 'loading' && f.loaded));
  for (const s of all) for (let size = 95; size > 40 && !fits(s); size -= 5) s.style.fontSize = `${size}%`;
  show();
  performance.mark('complete');
});
const go = step => location.hash = Math.min(Math.max(at() + step, 1), all.length);
addEventListener('hashchange', show);
const keys = {ArrowRight: 1, ' ': 1, PageDown: 1, ArrowLeft: -1, PageUp: -1};
addEventListener('keydown', e => { if (keys[e.key]) { e.preventDefault(); go(keys[e.key]); } });
addEventListener('click', e => {
  if (!e.target.closest('a, details')) go(e.clientX > innerWidth / 3 ? 1 : -1); });
addEventListener('beforeprint', () =>
  document.querySelectorAll('details').forEach(d => d.open = true));
show();
