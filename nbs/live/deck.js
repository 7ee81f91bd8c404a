// A deck of slides: formulas, keys, clicks.
const all = [...document.querySelectorAll('section')];
document.querySelectorAll('.math').forEach(e => katex.render(e.textContent, e, {
  displayMode: e.classList.contains('display'), throwOnError: false}));
const at = () => Math.min(Math.max(parseInt(location.hash.slice(1)) || 1, 1), all.length);
performance.mark('complete');
const show = () => all.forEach((s, i) => s.classList.toggle('now', i + 1 === at()));
const go = step => location.hash = Math.min(Math.max(at() + step, 1), all.length);
addEventListener('hashchange', show);
const keys = {ArrowRight: 1, ' ': 1, PageDown: 1, ArrowLeft: -1, PageUp: -1};
addEventListener('keydown', e => { if (keys[e.key]) { e.preventDefault(); go(keys[e.key]); } });
addEventListener('click', e => {
  if (!e.target.closest('a, details')) go(e.clientX > innerWidth / 3 ? 1 : -1); });
addEventListener('beforeprint', () =>
  document.querySelectorAll('details').forEach(d => d.open = true));
show();
