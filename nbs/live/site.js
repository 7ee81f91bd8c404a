// What scrolls sideways can be reached and scrolled from the keyboard.
const reach = () => {
  document.querySelectorAll('main :is(pre, table, .katex-display, .wide)').forEach(e => {
    if (e.scrollWidth > e.clientWidth + 1) e.tabIndex = 0; else e.removeAttribute('tabindex') }) };
addEventListener('load', reach);
addEventListener('resize', reach);

// Checks: one switch opens all of them, and is remembered; a link to a folded cell opens it.
const keep = {
  get: k => { try { return localStorage.getItem(k) } catch (e) { return null } },
  set: (k, v) => { try { localStorage.setItem(k, v) } catch (e) { /* private window */ } } };
const checks = [...document.querySelectorAll('details.check')];
const row = document.querySelector('.chapter-links p') || document.querySelector('.chapter-links');
if (checks.length && row) {
  const b = document.createElement('button');
  const put = on => {
    checks.forEach(d => d.open = on);
    b.setAttribute('aria-pressed', on) };
  Object.assign(b, {type: 'button', className: 'show-checks', textContent: 'Show all checks'});
  b.onclick = () => {
    put(b.getAttribute('aria-pressed') !== 'true');
    keep.set('diffstudy-checks', b.getAttribute('aria-pressed')) };
  row.append(' ', b);
  put(keep.get('diffstudy-checks') === 'true') }
const anchor = () => {  // an address may end with anything, such as #%
  const id = location.hash.slice(1);
  try { return decodeURIComponent(id) } catch (e) { return id } };
const unfold = () => {
  const id = anchor();
  const a = id.startsWith('fn-') && document.getElementById(id);
  const follows = c => a.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING;
  const cell = a && [...document.querySelectorAll('main .cell')].find(follows);
  const folded = cell && cell.querySelector(':scope > details');
  if (folded) folded.open = true };
unfold();
addEventListener('hashchange', unfold);

// The path: other pages lead back to the page of it that was read last. A sheet of paper shows answers.
const back = document.querySelector('.path-links [rel=up]');
const last = keep.get('diffstudy-path') || '';
if (back && /^\w+\.html$/.test(last)) back.href = last;
if (document.querySelector('.path-links [rel=next]'))
  keep.set('diffstudy-path', location.pathname.split('/').pop());
addEventListener('beforeprint', () =>
  document.querySelectorAll('details.quick').forEach(d => d.open = true));

// Search: all the words, headings before text, the course before the reference, its authors last.
const weight = {title: 8, section: 6, text: 1};
const part = href =>
  /^9[6-9]/.test(href) ? .2 : /^95/.test(href) ? .4 : /^9/.test(href) ? .6 :
    /^[78]/.test(href) ? .8 : 1;
const idle = new Set('how to what is a an the of do does i'.split(' '));
const stem = w => w.length > 5 ? w.replace(/(ing|es?|s)$/, '') : w;
const wordsOf = text => {
  const all = text.toLowerCase().split(/[\s?!,]+/).filter(Boolean), some = all.filter(w => !idle.has(w));
  return (some.length ? some : all).map(stem) };
const plain = text => wordsOf(text.replace(/^\d+\w? /, '')).join(' ');
const ask = (entry, words) => {
  const fields = Object.keys(weight).map(f => [f, (entry[f] || '').toLowerCase()]);
  let score = 0;
  for (const w of words) {
    const word = w.replace(/[.*+?^${}()|[\]\\\/]/g, '\\$&');
    const begins = new RegExp('(?<![\\p{L}\\p{N}])' + word, 'gu');
    let best = 0;
    for (const [f, text] of fields) {
      if (!text.includes(w)) continue;
      const times = (text.match(begins) || []).length;
      best += weight[f] * (times ? 1 + .5 * Math.min(3, Math.log2(times)) : .3) }
    if (!best) return 0;
    score += best }
  const phrase = words.join(' ');
  for (const [f, text] of fields) {
    if (words.length > 1 && text.includes(phrase)) score += 4 + weight[f];
    if (f != 'text' && [text, ...text.split(/[,(]/)].some(t => plain(t) === phrase)) score += 8 }
  const names = fields[2][1].split(':')[0];  // entries of the reference begin with their name
  if (names === phrase || names.endsWith('.' + phrase)) score += 10;
  const end = /^(references|exercises|summary)$/.test(fields[1][1]) ? .6 : 1;
  return score * end * part(entry.href || '') };
addEventListener('DOMContentLoaded', () => {
  if (!window.Fuse) return;
  window.Fuse = class extends window.Fuse {
    search(query, options = {}) {
      const words = wordsOf(String(query)), pages = {};
      const fresh = h => {  // three hits of a page will do
        const page = h.item.href.split('#')[0];
        return (pages[page] = (pages[page] || 0) + 1) <= 3 };
      const found = (this._docs || [])
        .map((item, refIndex) => ({item, refIndex, score: ask(item, words)}))
        .filter(h => h.score).sort((a, b) => b.score - a.score || a.refIndex - b.refIndex);
      if (!found.length) return super.search(query, options);
      return found.filter(fresh).slice(0, options.limit || 20) } } });

// Formulas: those in view at once, the others in the pauses that follow, all before printing.
const formulas = window.katex ? [...document.querySelectorAll('.math')] : [];
const todo = formulas.filter(e => /^\\[(\[]/.test(e.textContent));
const set = e => katex.render(e.textContent.slice(2, -2), e, {
  displayMode: e.classList.contains('display'), throwOnError: false});
const seen = e => {
  const r = e.getBoundingClientRect();
  return r.bottom > -200 && r.top < innerHeight + 200 };

// Formulas change the height of a page: go to the anchor again, unless the reader has moved.
const go = () => {
  const target = document.getElementById(anchor());
  if (target) target.scrollIntoView({behavior: 'instant'}) };
let moved = false;
for (const how of ['wheel', 'keydown', 'pointerdown', 'touchstart'])
  addEventListener(how, () => moved = true, {once: true, passive: true});

go();
todo.filter(seen).forEach(e => { set(e); todo.splice(todo.indexOf(e), 1) });
const again = () => { if (!moved) go() };
new ResizeObserver(again).observe(document.body);  // fonts and pictures change it, some late
addEventListener('hashchange', () => { rest(true); go() });
performance.mark('readable');
const rest = all => {
  const end = performance.now() + 20;
  while (todo.length && (all || performance.now() < end)) set(todo.shift());
  if (todo.length) return setTimeout(rest);
  reach();
  again();
  performance.mark('complete') };
setTimeout(rest);
addEventListener('beforeprint', () => rest(true));
