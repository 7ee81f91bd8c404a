// What the pages need without a kernel: colors, the list of pages, checks, search, copies, formulas.
const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
const keep = {
  get: k => { try { return localStorage.getItem(k) } catch (e) { return null } },
  set: (k, v) => { try { localStorage.setItem(k, v) } catch (e) { /* private window */ } } };
const make = (tag, more, parent) => {
  const e = Object.assign(document.createElement(tag), more);
  parent?.append(e);
  return e };

// Light or dark: as the reader's system has it, until the switch is pressed.
const root = document.documentElement, half = $('.scheme');
const paint = scheme => {
  root.dataset.scheme = scheme;
  half.setAttribute('aria-pressed', scheme === 'dark') };
paint(root.dataset.scheme);
half.onclick = () => {
  paint(root.dataset.scheme === 'dark' ? 'light' : 'dark');
  keep.set('diffstudy-scheme', root.dataset.scheme) };
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', e => {
  if (!keep.get('diffstudy-scheme')) paint(e.matches ? 'dark' : 'light') });

// All pages: where one is, what of this page is in view, what has been read; a drawer on small screens.
const bar = $('#bar'), here = $('#bar a[aria-current]'), knob = $('.pages');
const page = location.pathname.split('/').pop() || 'index.html';
const drawer = open => {
  bar.classList.toggle('open', open);
  knob.setAttribute('aria-expanded', open);
  if (open) $('a', bar).focus(); };
knob.onclick = () => drawer(!bar.classList.contains('open'));
addEventListener('keydown', e => {
  if (e.key === 'Escape' && bar.classList.contains('open')) { drawer(false); knob.focus() } });
document.addEventListener('pointerdown', e => {
  if (bar.classList.contains('open') && !e.target.closest('#bar, .pages')) drawer(false) });
const list = $('.contents ul')?.cloneNode(true);
if (here && list) {
  here.parentElement.append(list);
  const rows = $$('a', list), spots = rows.map(a => document.getElementById(a.hash.slice(1)));
  const spy = () => {
    const past = spots.filter(e => e && e.getBoundingClientRect().top < 120).length;
    rows.forEach((a, i) => a.classList.toggle('now', i === past - 1)) };
  addEventListener('scroll', spy, {passive: true});
  spy() }
if (here) bar.scrollTop = here.offsetTop - bar.clientHeight / 3;
const done = new Set((keep.get('diffstudy-read') || '').split(' ').filter(Boolean));
const ends = $('.path-links');
if (ends) new IntersectionObserver(([e]) => {
  if (e.isIntersecting && scrollY > 0) keep.set('diffstudy-read', [...done.add(page)].join(' ')) }).observe(ends);
$$('a', bar).forEach(a => {
  if (!done.has(a.getAttribute('href'))) return;
  a.classList.add('read');
  a.title = 'read' });

// The path: other pages, and the first, lead back to the page of it that was read last.
const last = keep.get('diffstudy-path') || '';
if (/^\w+\.html$/.test(last)) {
  const back = $('.path-links [rel=up]'), start = $('.start p');
  const name = $(`#bar a[href="${last}"]`)?.textContent.trim();
  if (back && name) [back.href, back.textContent] = [last, `Back to ${name}`];
  if (start && name) start.prepend(make('a', {href: last, textContent: `Continue: ${name}`}), ' ') }
if ($('.path-links.path')) keep.set('diffstudy-path', page);
addEventListener('beforeprint', () => $$('details.quick').forEach(d => d.open = true));

// Menus close when one clicks elsewhere. What scrolls sideways can be reached from the keyboard.
document.addEventListener('click', e => $$('.facts details[open]').forEach(d => {
  if (!d.contains(e.target) || e.target.closest('.contents a')) d.open = false }));
const narrow = e => {  // a formula or a printed table that nearly fits becomes a little smaller
  const k = $('.katex, code', e), need = k && e.scrollWidth / e.clientWidth;
  if (!(need > 1 && need < 1.25) || k.style.fontSize) return;
  k.style.fontSize = `${parseFloat(getComputedStyle(k).fontSize) / need - .3}px` };
const reach = () => {
  $$('main :is(.katex-display, .columns > pre)').forEach(narrow);
  $$('main :is(pre, .sd-table, .cell-output-display, .katex-display, .wide)').forEach(e => {
    if (e.scrollWidth > e.clientWidth + 1) e.tabIndex = 0; else e.removeAttribute('tabindex') }) };
addEventListener('load', reach);
addEventListener('resize', reach);

// Copies of code, and a link to each heading.
const copies = () => {
  if ($('.copy')) return;
  $$('main pre.code').forEach(pre => {
    const b = make('button', {type: 'button', className: 'copy', textContent: 'Copy'}, pre);
    b.onclick = async () => {
      await navigator.clipboard.writeText($('code', pre).textContent);
      b.textContent = 'Copied';
      setTimeout(() => b.textContent = 'Copy', 1500) } });
  $$('main section[id] > :is(h2, h3, h4)').forEach(h => make('a', {
    className: 'self', href: '#' + h.parentElement.id, textContent: '#',
    ariaLabel: 'Link to this place'}, h)) };

// Checks: one switch opens all of them, and is remembered; a link to a folded cell opens it.
const checks = $$('details.check'), menu = $('.facts .more > div');
if (checks.length && menu) {
  const b = make('button', {type: 'button', className: 'show-checks', textContent: 'Show all checks'}, menu);
  const put = on => {
    checks.forEach(d => d.open = on);
    b.setAttribute('aria-pressed', on) };
  b.onclick = () => {
    put(b.getAttribute('aria-pressed') !== 'true');
    keep.set('diffstudy-checks', b.getAttribute('aria-pressed')) };
  put(keep.get('diffstudy-checks') === 'true') }
const anchor = () => {  // an address may end with anything, such as #%
  const id = location.hash.slice(1);
  try { return decodeURIComponent(id) } catch (e) { return id } };
const unfold = () => {
  const id = anchor();
  const a = id.startsWith('fn-') && document.getElementById(id);
  const follows = c => a.compareDocumentPosition(c) & Node.DOCUMENT_POSITION_FOLLOWING;
  const cell = a && $$('main .cell').find(follows);
  const folded = cell && $(':scope > details', cell);
  if (folded) folded.open = true };
unfold();
addEventListener('hashchange', unfold);

// Search: all the words, headings before text, the course before the reference, its authors last.
const weight = [0, 8, 6, 1];  // address, title, heading, text
const part = href =>
  /^9[6-9]/.test(href) ? .2 : /^(95|api)/.test(href) ? .4 : /^9/.test(href) ? .6 :
    /^[78]/.test(href) ? .8 : 1;
const idle = new Set('how to what is a an the of do does i my can why me with in for'.split(' '));
const stem = w => w.length > 5 ? w.replace(/(ing|es?|s)$/, '') : w;
const wordsOf = text => {
  const all = text.toLowerCase().split(/[\s?!,]+/).filter(Boolean), some = all.filter(w => !idle.has(w));
  return (some.length ? some : all).map(stem) };
const plain = text => wordsOf(text.replace(/^\d+\w? /, '')).join(' ');
const score = (entry, words) => {
  let sum = 0;
  for (const w of words) {
    const begins = new RegExp('(?<![\\p{L}\\p{N}])' + w.replace(/[.*+?^${}()|[\]\\\/]/g, '\\$&'), 'gu');
    let best = 0;
    for (const f of [1, 2, 3]) {
      if (!entry.low[f].includes(w)) continue;
      const times = (entry.low[f].match(begins) || []).length;
      best += weight[f] * (times ? 1 + .5 * Math.min(3, Math.log2(times)) : .3) }
    if (!best) return 0;
    sum += best }
  const phrase = words.join(' ');
  for (const f of [1, 2, 3]) {
    if (words.length > 1 && entry.low[f].includes(phrase)) sum += 4 + weight[f];
    if (f < 3 && [entry.low[f], ...entry.low[f].split(/[,(]/)].some(t => plain(t) === phrase)) sum += 8 }
  const name = entry[2].toLowerCase();  // entries of the reference are names
  if (entry[0].startsWith('api_') && `.${name}`.endsWith('.' + phrase)) sum += /[._]/.test(phrase) ? 40 : 8;
  const end = /^(references|exercises|summary)$/.test(entry.low[2]) ? .6 : 1;
  return sum * end * part(entry[0]) };
const apart = (a, b) => {  // how many letters differ
  let row = [...b].map((_, j) => j + 1);
  [...a].forEach((x, i) => {
    let left = i + 1, up = i;
    row = row.map((above, j) => {
      left = Math.min(left + 1, above + 1, up + (x !== b[j]));
      up = above;
      return left }) });
  return row.at(-1) };
let entries = null, known = null;
const loaded = async () => entries ??= fetch('search.json').then(r => {
  if (!r.ok) throw new Error(`search.json: ${r.status}`);
  return r.json() }).then(all => all.map(e => Object.assign(e, {low: e.map(t => t.toLowerCase())})));
const asked = async text => {
  const all = await loaded(), query = text.toLowerCase().trim();
  const find = words => {
    const pages = {};
    return all.map((e, i) => [score(e, words), i, e]).filter(h => h[0])
      .sort((a, b) => b[0] - a[0] || a[1] - b[1]).map(h => h[2])
      .filter(e => {  // three hits of a page will do
        const to = e[0].split('#')[0];
        return (pages[to] = (pages[to] || 0) + 1) <= 3 }) };
  let words = wordsOf(query), found = find(words);
  if (!found.length) {  // the nearest words that there are
    known ??= [...new Set(all.flatMap(e => e.low.slice(1).join(' ').match(/\p{L}{4,}/gu) || []))];
    const near = w => known.reduce((best, k) => {
      const d = Math.abs(k.length - w.length) > 2 ? 9 : apart(w, k.slice(0, w.length + 1));
      return d < best[0] ? [d, k] : best }, [w.length < 5 ? 2 : 3, w])[1];
    words = words.map(w => all.some(e => e.low.some(t => t.includes(w))) ? w : stem(near(w)));
    found = find(words);
    for (let w = words; !found.length && w.length > 1;) found = find(w = w.slice(1)) }
  return [found.slice(0, 20), words] };
const box = $('.search input'), hits = $('.hits');
const escape = s => s.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
const snippet = (text, words) => {
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 60);
  const bold = new RegExp(`(${words.map(w => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'ig');
  return (at ? '…' : '') + text.slice(at, at + 170).split(bold)
    .map((t, i) => i % 2 ? `<mark>${escape(t)}</mark>` : escape(t)).join('') };
let turn = 0;
const ask = async () => {
  const mine = ++turn, text = box.value;
  if (text.trim().length < 2) return hits.classList.remove('show');
  let html;
  try {
    const [found, words] = await asked(text);
    html = found.map(([href, title, section, text]) => `<a href="${href}"><b>${escape(title)}</b>` +
      `${section ? ` <i>${escape(section)}</i>` : ''}<span>${snippet(text, words)}</span></a>`).join('')
      || '<p>Nothing is found for this.</p>' }
  catch (e) { html = `<p>The search could not be loaded: ${escape(e.message)}</p>` }
  if (mine !== turn) return;
  hits.innerHTML = html;
  hits.classList.add('show') };
let waits;
box.oninput = () => { clearTimeout(waits); waits = setTimeout(ask, 80) };
box.onfocus = () => { loaded().catch(() => 0); ask() };
box.onkeydown = e => {
  const all = $$('a', hits), at = all.findIndex(a => a.classList.contains('active'));
  if (e.key === 'Escape') { hits.classList.remove('show'); box.blur() }
  if (e.key === 'Enter') (all[at] || all[0])?.click();
  const step = {ArrowDown: 1, ArrowUp: -1}[e.key];
  if (!step || !all.length) return;
  e.preventDefault();
  all[at]?.classList.remove('active');
  const next = all[(at + step + all.length) % all.length];
  next.classList.add('active');
  next.scrollIntoView({block: 'nearest'}) };
document.addEventListener('click', e => { if (!e.target.closest('.search')) hits.classList.remove('show') });
addEventListener('keydown', e => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (e.key === '/' && !typing && !e.ctrlKey && !e.metaKey) { e.preventDefault(); box.focus() } });

// The first page's figure begins by itself, unless less motion or less data is asked for.
const hero = $('.hero [data-live]');
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches || navigator.connection?.saveData;
if (hero && !calm) addEventListener('load', () => import('./live.js').then(m => m.start(hero, false)));

// Formulas: those in view at once, the others in the pauses that follow, all before printing.
const formulas = window.katex ? $$('.math') : [];
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
  copies();
  performance.mark('complete') };
setTimeout(rest);
addEventListener('beforeprint', () => rest(true));
