// What the tests of the site ask of a page (nbs/99_website.ipynb); each is a function of one argument.
const ask = {};

ask.look = () => {
  const prose = ':is(p, li, td, th, h1, h2, h3, figcaption, summary)';
  const text = [...document.querySelectorAll('main ' + prose)]
    .filter(e => !e.closest('pre, code, .katex'))
    .map(e => {
      const c = e.cloneNode(true);
      c.querySelectorAll('pre, code, .katex, script, style').forEach(x => x.remove());
      return c.textContent;
    }).join('\n');
  const raw = text.match(/\$[^$]*\$|\\tag|\\\(|\\\[|\{#|:::|\{\./);
  const linear = x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
  const lum = color => {
    const [r, g, b] = color.match(/[\d.]+/g).map(x => linear(x / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const look = getComputedStyle(document.body);
  const [a, b] = [lum(look.color), lum(look.backgroundColor)];
  const broken = [...document.images].filter(i => !(i.complete && i.naturalWidth));
  return {
    raw: raw && raw[0],
    mathErrors: [...document.querySelectorAll('.katex-error')].map(e => e.title),
    images: broken.map(i => i.src.slice(0, 80)),
    noAlt: [...document.querySelectorAll('main img')].filter(i => !i.alt).length,
    contrast: (Math.max(a, b) + .05) / (Math.min(a, b) + .05),
    dark: b < .2,
  } };

ask.boxes = () => {
  const box = e => e.getBoundingClientRect();
  const meet = (a, b) => a.left + 1 < b.right && b.left + 1 < a.right
    && a.top + 1 < b.bottom && b.top + 1 < a.bottom;
  const all = s => [...document.querySelectorAll('main ' + s)];
  const wrong = [
    ...all('.katex-html > .tag')
      .filter(t => [...t.parentElement.querySelectorAll(':scope > .base')]
        .some(b => meet(box(t), box(b))))
      .map(t => 'a tag on its formula: ' + t.textContent),
    ...all('.cell-output:not(.columns) pre')
      .filter(e => e.scrollWidth > e.clientWidth + 1)
      .map(e => 'an output that is cut off: ' + e.textContent.slice(0, 60))];
  const contents = document.querySelector('main .contents > summary');
  if (innerWidth < 992 && all('.facts').length && all('h2').length > 2 && !(contents && contents.offsetWidth))
    wrong.push('no contents');
  return wrong };

ask.thin = () => {
  document.querySelectorAll('.katex').forEach(e => e.textContent = 'x');
  const seen = new Set();
  document.querySelectorAll('pre code').forEach(c => {
    const first = s => !s.children.length && s.textContent.trim() && !seen.has(s.localName);
    const keep = [];
    c.querySelectorAll('*').forEach(s => {
      if (first(s)) { seen.add(s.localName); keep.push(s.cloneNode(true)) } });
    c.textContent = c.textContent; c.prepend(...keep) });
  const tables = {};
  document.querySelectorAll('main table').forEach(t => {
    const head = t.tHead && t.tHead.textContent;
    tables[head] = (tables[head] || 0) + 1;
    if (tables[head] > 3) t.remove() }) };

ask.axe = async () => {
  const options = {resultTypes: ['violations'], preload: false, iframes: false};
  // blocks that are not painted yet have guessed heights, and would lie over each other
  const painted = document.head.appendChild(document.createElement('style'));
  painted.textContent = '* { content-visibility: visible !important }';
  const found = await axe.run(document, options);
  painted.remove();
  return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => {
    const n = v.nodes[0], why = n.failureSummary.slice(0, 200);
    return `${v.id} (${v.nodes.length}): ${n.html.slice(0, 150)} ${why}` }) };

ask.listen = () => {
  const kinds = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length;
  const all = [...document.querySelectorAll(kinds)].filter(e => e.tabIndex >= 0 && !e.disabled);
  const shown = all.filter(seen);
  shown.slice(150).forEach(e => e.tabIndex = -1);  // links of one kind by the hundred
  window.todo = new Set(shown.slice(0, 150));
  document.addEventListener('focusin', e => window.todo.delete(e.target));
  return window.todo.size };

ask.slider = e => {
  const f = e.closest('.ds-slider');
  const shown = [...f.querySelectorAll('img')].filter(i => i.offsetWidth);
  return [shown.map(i => i.src.slice(-200)).join(), e.getAttribute('aria-valuetext'),
          f.querySelector('.ds-value').textContent] };

ask.hits = () => [...document.querySelectorAll('.hits a span')].slice(0, 3).map(e => {
  const r = e.getBoundingClientRect(), y = (r.top + r.bottom) / 2;
  const seen = x => e.contains(document.elementFromPoint(x, y));
  return r.width > 180 && [r.left + 2, (r.left + r.right) / 2, r.right - 2].every(seen) });

ask.landed = id => {
  const a = document.getElementById(id), bar = document.querySelector('.top');
  const after = e => a.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
  const e = [...document.querySelectorAll('main .katex-display')].find(after);
  const r = e.getBoundingClientRect(), top = bar ? bar.getBoundingClientRect().bottom : 0;
  return r.top >= top && r.bottom <= innerHeight && r.top < top + 200 };

ask.folds = () => {
  const all = [...document.querySelectorAll('details.check')];
  const b = document.querySelector('.show-checks');
  return [all.length, all.filter(d => d.open).length, b && b.getAttribute('aria-pressed')] };

ask.colors = () => ['text', '.line'].map(s => {
  const look = getComputedStyle(document.querySelector('svg.drawing ' + s));
  return s === 'text' ? look.fill : look.stroke });

ask.marked = () => {  // the entry of this page is in view
  const bar = document.querySelector('#bar').getBoundingClientRect();
  const e = document.querySelector('#bar a[aria-current]').getBoundingClientRect();
  return e.top > bar.top && e.bottom < bar.bottom && e.bottom < innerHeight };

ask.printed = () => {
  const main = document.querySelector('main'), color = e => getComputedStyle(e);
  const aside = document.querySelectorAll('#bar, .top, .facts, .path-links');
  return {
    paper: color(document.body).backgroundColor,
    ink: color(document.querySelector('main section p')).color,
    shown: [...aside].filter(e => e.offsetWidth).length,
    wide: main.scrollWidth > main.clientWidth + 1 } };

ask.figures = () => [...document.querySelectorAll('main img')]
  .filter(i => /_files\/|^data:image\/(png|svg)/.test(i.getAttribute('src')))
  .filter(i => i.offsetWidth && i.naturalWidth)
  .map(i => [i.alt, i.getBoundingClientRect().width / i.naturalWidth]);

ask.columns = () => {
  const code = document.querySelector('main pre.code > code');
  const ruler = code.appendChild(document.createElement('span'));
  ruler.style.whiteSpace = 'pre';
  ruler.textContent = '0'.repeat(100);
  const one = ruler.getBoundingClientRect().width / 100;
  ruler.remove();
  code.parentElement.style.width = '100%';
  const box = code.parentElement, style = getComputedStyle(box);
  const pads = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return (box.clientWidth - pads) / one };
