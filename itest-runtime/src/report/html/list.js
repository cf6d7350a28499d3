// The list of all tests, with filters. Only the rows on the screen are in the document, so that 10,000 tests cost no more than 50.

const OUTCOME_FILTERS = ['failing', ...OUTCOME_ORDER];
const NEWS = {
  failing: ['fail now and passed before', (test) => test.isNewFailure],
  still: ['failed before, too', (test) => test.isFailure && !test.isNewFailure && !test.isAdded],
  fixed: ['passed again', (test) => test.isFixed],
  added: ['were not in the last run', (test) => test.isAdded],
};

// All texts of a test in which the search looks.
function haystackOf(test) {
  if (test.haystack !== undefined) return test.haystack;
  const texts = new Set([test.name, test.reason]);
  for (const attempt of test.attempts) {
    texts.add(attempt.location);
    for (const failure of attempt.failures || []) texts.add(failure.message).add(failure.location || '').add(failure.description || '');
    for (const exchange of attempt.exchanges || []) texts.add(exchange.to).add(exchange.operation);
    for (const note of attempt.notes || []) texts.add(note.title).add(note.text);
    for (const leak of attempt.leaks || []) texts.add(leak);
    texts.add(attempt.stdout || '').add(attempt.stderr || '');
  }
  test.haystack = [...texts].join('\n').toLowerCase();
  return test.haystack;
}

function filtered(model, parameters) {
  const outcome = parameters.get('outcome') || '';
  const tag = parameters.get('tag') || '';
  const file = parameters.get('file') || '';
  const words = (parameters.get('text') || '').toLowerCase().split(/\s+/).filter((word) => word !== '');
  const least = Number(parameters.get('min') || 0) * 1000;
  const news = NEWS[parameters.get('news')];
  const tests = model.tests.filter((test) =>
    (!outcome || test.outcome === outcome || (outcome === 'failing' && test.isFailure)) &&
    (!tag || test.tags.includes(tag)) &&
    (!file || test.file === file) &&
    (!least || test.elapsed >= least) &&
    (!news || news[1](test)) &&
    (!words.length || words.every((word) => haystackOf(test).includes(word))));
  if (parameters.get('sort') === 'duration') tests.sort((left, right) => right.elapsed - left.elapsed);
  if (parameters.get('sort') === 'name') tests.sort((left, right) => (left.name < right.name ? -1 : 1));
  return tests;
}

function choice(label, name, options, chosen, change) {
  const select = element('select', { id: `filter-${name}`, name });
  for (const [value, text] of options) select.append(element('option', { value, selected: value === chosen, text }));
  select.addEventListener('change', () => change(name, select.value));
  return element('div', { class: 'filter' }, element('label', { for: `filter-${name}`, text: label }), select);
}

function listView(model, parameters) {
  const change = (name, value) => {
    const changed = new URLSearchParams(parameters);
    if (value) changed.set(name, value);
    else changed.delete(name);
    const query = changed.toString();
    replaceAddress(`#/tests${query ? `?${query}` : ''}`);
  };
  const has = new Set(model.tests.map((test) => test.outcome));
  const outcomes = [['', 'all'], ['failing', 'all that failed'], ...OUTCOME_ORDER.filter((one) => has.has(one)).map((one) => [one, OUTCOME_WORDS[one]])];
  const durations = [['', 'any'], ['10', '10 ms or more'], ['100', '100 ms or more'], ['1000', '1 s or more'], ['10000', '10 s or more']];
  const filters = element('div', { class: 'filters', role: 'group', 'aria-label': 'Filters' },
    choice('Outcome', 'outcome', outcomes, parameters.get('outcome') || '', change),
    model.tags.length ? choice('Tag', 'tag', [['', 'all'], ...model.tags.map((tag) => [tag, tag])], parameters.get('tag') || '', change) : null,
    model.files.length > 1 ? choice('File', 'file', [['', 'all'], ...model.files.map((file) => [file, file])], parameters.get('file') || '', change) : null,
    choice('Duration', 'min', durations, parameters.get('min') || '', change),
    model.earlier ? choice('Since the last run', 'news', [['', 'all'], ...Object.entries(NEWS).map(([key, [text]]) => [key, text])], parameters.get('news') || '', change) : null,
    choice('Order', 'sort', [['', 'failures first'], ['duration', 'slowest first'], ['name', 'by name']], parameters.get('sort') || '', change));
  const tests = filtered(model, parameters);
  const text = parameters.get('text');
  const all = tests.length === model.tests.length;
  const summary = element('p', { class: 'list-summary', id: 'list-summary' },
    all ? `All ${count(tests.length, 'test')}` : `${tests.length.toLocaleString('en')} of ${count(model.tests.length, 'test')}`,
    text ? ` with “${text}”` : '', ' ',
    all ? null : element('a', { href: '#/tests', text: 'Remove the filters' }));
  announce(summary.firstChild.textContent);
  return element('div', { class: 'view list' }, element('h1', { text: 'Tests' }), filters, summary, rowsOf(tests, parameters));
}

// The rows are placed by their number, and the page scrolls. Those near the screen are in the document.
function rowsOf(tests, parameters) {
  const height = matchMedia('(max-width: 640px)').matches ? 64 : 40;
  const list = element('div', { class: 'rows', role: 'list', 'aria-label': 'Tests', style: { height: `${tests.length * height}px` } });
  const rows = new Map();
  const passOn = new URLSearchParams(parameters);
  passOn.delete('attempt');
  const show = () => {
    if (!list.isConnected) return;
    const top = list.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - 10);
    const last = Math.min(tests.length, Math.ceil((innerHeight - top) / height) + 10);
    for (const [index, row] of rows) {
      const hasFocus = row.contains(document.activeElement);
      if ((index < first || index >= last) && !hasFocus) {
        row.remove();
        rows.delete(index);
      }
    }
    for (let index = first; index < last; index++) {
      if (!rows.has(index)) rows.set(index, insertedInOrder(list, rowOf(tests[index], index, tests.length, height), index));
    }
  };
  const focus = (index) => {
    if (index < 0 || index >= tests.length) return;
    const top = list.getBoundingClientRect().top + index * height;
    if (top < 120 || top > innerHeight - 60) scrollBy(0, top - innerHeight / 2);
    show();
    const row = rows.get(index);
    if (row) row.querySelector('a').focus({ preventScroll: true });
  };
  list.addEventListener('keydown', (pressed) => {
    const row = pressed.target.closest('[role=listitem]');
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 15, PageUp: -15 }[pressed.key];
    if (!row || !step || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    pressed.preventDefault();
    focus(Math.min(tests.length - 1, Math.max(0, Number(row.getAttribute('aria-posinset')) - 1 + step)));
  });
  onScroll(show);
  queueMicrotask(show);
  return list;
}

// Readers of the screen and the Tab key follow the order in the document, which is that of the rows.
function insertedInOrder(list, row, index) {
  let next = list.lastElementChild;
  let after = null;
  while (next && Number(next.getAttribute('aria-posinset')) > index + 1) {
    after = next;
    next = next.previousElementSibling;
  }
  list.insertBefore(row, after);
  return row;
}

function rowOf(test, index, total, height) {
  return element('div', {
    class: `row ${test.outcome}`, role: 'listitem', 'aria-setsize': total, 'aria-posinset': index + 1, style: { top: `${index * height}px`, height: `${height}px` },
  },
  badge(test.outcome), testLink(test),
  element('span', { class: 'row-message', text: firstLine(visible(styledParts(test.message || '').map((part) => part.text).join(''))) }),
  element('span', { class: 'took', text: test.last ? time(test.elapsed) : '' }));
}
