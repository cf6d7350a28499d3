// The page: it reads the data, shows the view that the address names, and handles keys.

let model = null;
let cleanUps = [];

function onScroll(action) {
  listenWhileShown('scroll', action, { passive: true });
  listenWhileShown('resize', action);
}

function onResize(action) {
  listenWhileShown('resize', action);
  listenWhileShown('themechange', action);
}

function listenWhileShown(event, action, options) {
  addEventListener(event, action, options);
  cleanUps.push(() => removeEventListener(event, action, options));
}

function address() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [view, ...rest] = path.split('/');
  let name = rest.join('/');
  try {
    name = decodeURIComponent(name);
  } catch {
    // The name is used as it is written.
  }
  return { view: view || 'overview', name, parameters: new URLSearchParams(query || '') };
}

// Changes the address without an entry in the browser's history for each key.
function replaceAddress(hash) {
  history.replaceState(null, '', hash);
  show('kept');
}

function show(position) {
  const { view, name, parameters } = address();
  for (const cleanUp of cleanUps) cleanUp();
  cleanUps = [];
  const main = document.getElementById('main');
  const focused = document.activeElement && document.activeElement.id;
  const top = scrollY;
  const views = { overview: () => overviewView(model), tests: () => listView(model, parameters), test: () => testView(model, name, parameters), run: () => runView(model, parameters) };
  const made = (views[view] || views.overview)();
  main.replaceChildren(made);
  for (const link of document.querySelectorAll('nav [data-view]')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const heading = made.querySelector('h1');
  document.title = `${heading ? heading.textContent : ''} · ${model.suite}`;
  const search = document.getElementById('search');
  if (document.activeElement !== search) search.value = view === 'tests' ? parameters.get('text') || '' : '';
  if (position === 'kept') {
    scrollTo(0, top);
    const again = focused && document.getElementById(focused);
    if (again && document.activeElement !== again) again.focus();
  } else {
    scrollTo(0, 0);
    if (position === 'moved') main.focus({ preventScroll: true });
  }
}

function searched() {
  const text = document.getElementById('search').value;
  const { view, parameters } = address();
  const changed = view === 'tests' ? parameters : new URLSearchParams();
  if (text.trim()) changed.set('text', text);
  else changed.delete('text');
  const hash = `#/tests${changed.size ? `?${changed}` : ''}`;
  if (view === 'tests') replaceAddress(hash);
  else {
    history.pushState(null, '', hash);
    show('kept');
  }
}

const THEMES = { auto: 'automatic', light: 'light', dark: 'dark' };

function useTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.getElementById('theme').setAttribute('aria-label', `Change the colours: ${THEMES[theme]}`);
  document.getElementById('theme').textContent = { auto: '◐', light: '○', dark: '●' }[theme];
  dispatchEvent(new Event('themechange'));
}

// The storage of pages at file:// may be blocked. Then the choice lasts as long as the page.
function storedTheme() {
  try {
    return localStorage.getItem('itest-theme');
  } catch {
    return null;
  }
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme || 'auto') + 1) % names.length];
  useTheme(next);
  try {
    localStorage.setItem('itest-theme', next);
  } catch {
    // The choice is not stored.
  }
  announce(`Colours: ${THEMES[next]}`);
}

function keyPressed(pressed) {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(pressed.target.tagName)) {
    if (pressed.key === 'Escape' && pressed.target.id === 'search') pressed.target.blur();
    return;
  }
  if (pressed.key === '/') {
    pressed.preventDefault();
    document.getElementById('search').focus();
  }
  const link = { n: 'next', p: 'previous' }[pressed.key];
  const target = link && (document.getElementById(link) || (link === 'next' && document.querySelector('.causes .test-name')));
  if (target) target.click();
}

async function start() {
  const stored = storedTheme();
  useTheme(stored in THEMES ? stored : 'auto');
  const data = document.getElementById('data');
  const main = document.getElementById('main');
  if (typeof DecompressionStream === 'undefined' || !data) {
    main.replaceChildren(element('p', { class: 'notice bad', text: data ? 'This report needs a newer browser, with DecompressionStream.' : 'This report has no data: the file was cut off.' }));
    return;
  }
  try {
    model = modelOf(await readLines(data.textContent));
  } catch (error) {
    main.replaceChildren(element('p', { class: 'notice bad', text: `The data of this report cannot be read: ${error}` }));
    return;
  }
  data.remove();
  const [, kind] = verdictWords(model);
  document.getElementById('mark').className = `mark ${kind}`;
  document.getElementById('suite').textContent = visible(model.suite);
  addEventListener('hashchange', () => show('moved'));
  addEventListener('keydown', keyPressed);
  document.getElementById('theme').addEventListener('click', nextTheme);
  document.getElementById('search').addEventListener('input', searched);
  document.getElementById('search-form').addEventListener('submit', (submitted) => submitted.preventDefault());
  document.getElementById('skip').addEventListener('click', (clicked) => {
    clicked.preventDefault();
    main.focus();
  });
  show('first');
  requestAnimationFrame(() => setTimeout(() => performance.mark('itest-painted')));
  document.documentElement.dataset.ready = 'true';
  // The first search must not wait until the texts are gathered.
  const gather = (from) => {
    for (const test of model.tests.slice(from, from + 500)) haystackOf(test);
    if (from + 500 < model.tests.length) setTimeout(gather, 0, from + 500);
  };
  setTimeout(gather, 50, 0);
}

addEventListener('DOMContentLoaded', start);
