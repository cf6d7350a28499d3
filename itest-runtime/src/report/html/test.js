// One test: what failed, its phases and exchanges on a timeline, its output, and what ran beside it.

const MAX_NEIGHBOURS = 40;
const MAX_EXCHANGE_ROWS = 200;

function testView(model, name, parameters) {
  const test = model.byName.get(name);
  if (!test) {
    return element('div', { class: 'view' }, element('h1', { text: 'This test is not in the report' }),
      element('p', {}, element('code', { text: name })), element('p', {}, element('a', { href: '#/tests', text: 'All tests' })));
  }
  const attempts = test.attempts;
  const chosen = Math.min(attempts.length, Math.max(1, Number(parameters.get('attempt')) || attempts.indexOf(test.last) + 1));
  const execution = attempts[chosen - 1];
  const view = element('div', { class: 'view test' });
  view.append(testHead(model, test));
  if (!execution) {
    view.append(element('p', { class: 'reason', text: test.reason ? `Ignored: ${visible(test.reason)}` : 'Ignored.' }));
    return view;
  }
  if (attempts.length > 1) view.append(attemptsSection(test, chosen));
  if (execution.quarantine) {
    const { owner, reason, until } = execution.quarantine;
    view.append(element('p', { class: 'notice warning', text: `In quarantine until ${until}, owner ${visible(owner)}: ${visible(reason)}` }));
  }
  if (execution.skip_reason) view.append(element('p', { class: 'reason', text: `Skipped: ${visible(execution.skip_reason)}` }));
  view.append(...problemsOf(test, execution));
  view.append(timelineSection(execution));
  if ((execution.exchanges || []).length) view.append(exchangesSection(execution));
  view.append(...outputSections(execution));
  for (const note of execution.notes || []) {
    view.append(section(visible(note.title), { class: note.is_warning ? 'note warning' : 'note' }, textBlock(note.text, note.title)));
  }
  view.append(neighboursSection(model, execution));
  return view;
}

function testHead(model, test) {
  const command = repeatCommand(model, test);
  const place = test.last ? test.last.location : '';
  const failures = model.failures;
  const position = failures.indexOf(test);
  const steps = element('nav', { class: 'steps', 'aria-label': 'Failed tests' });
  if (position >= 0 && failures.length > 1) {
    const before = failures[(position + failures.length - 1) % failures.length];
    const after = failures[(position + 1) % failures.length];
    steps.append(element('a', { href: testAddress(before.name), id: 'previous', 'aria-label': 'Previous failed test, key p', text: '←' }),
      element('span', { text: `failure ${position + 1} of ${failures.length}` }),
      element('a', { href: testAddress(after.name), id: 'next', 'aria-label': 'Next failed test, key n', text: '→' }));
  }
  const facts = element('dl', { class: 'test-facts' });
  const fact = (label, ...values) => facts.append(element('div', {}, element('dt', { text: label }), element('dd', {}, ...values)));
  if (place) fact('Source', element('code', { text: visible(place) }), copyButton(place, 'Copy the place in the source'));
  fact('Repeat', element('code', { class: 'command', text: visible(command) }), copyButton(command, 'Copy the command'));
  if (model.start) fact('Seed', element('code', { text: String(model.start.seed) }));
  if (test.tags.length) fact('Tags', ...test.tags.flatMap((tag) => [element('a', { class: 'tag', href: `#/tests?${new URLSearchParams({ tag })}`, text: tag }), ' ']));
  const name = visible(test.name);
  const end = name.lastIndexOf('::');
  return element('section', { class: `test-head ${test.outcome}`, 'aria-label': 'Test' },
    element('div', { class: 'test-title' }, badge(test.outcome),
      element('h1', {}, end > 0 ? element('span', { class: 'module', text: name.slice(0, end + 2) }) : null, end > 0 ? name.slice(end + 2) : name), steps),
    element('p', { class: 'facts' }, test.last ? `${headline(test.last)} · ${time(test.last.elapsed_us)} on worker ${test.last.worker}` : OUTCOME_WORDS[test.outcome],
      test.isNewFailure ? element('span', { class: 'new', text: 'new since the last run' }) : null),
    facts);
}

function attemptsSection(test, chosen) {
  const longest = Math.max(1, ...test.attempts.map((attempt) => attempt.elapsed_us));
  const list = element('ol', { class: 'attempts' });
  const shown = test.attempts.slice(0, 100);
  for (const [index, attempt] of shown.entries()) {
    const failure = attempt.failures && attempt.failures[0];
    list.append(element('li', {}, element('a', { href: testAddress(test.name, { attempt: index + 1 }), class: `attempt ${attempt.outcome}`, 'aria-current': index + 1 === chosen ? 'true' : null },
      element('span', { class: 'attempt-head' }, element('b', { text: `Attempt ${index + 1}` }), badge(attempt.outcome), element('span', { class: 'took', text: time(attempt.elapsed_us) })),
      phaseBar(attempt, longest),
      element('span', { class: 'attempt-message', text: failure ? firstLine(visible(failure.message)) : headline(attempt) }))));
  }
  const made = section(`${count(test.attempts.length, 'attempt')}`, {}, list);
  if (test.attempts.length > shown.length) made.append(element('p', { text: `The first ${shown.length} are shown.` }));
  return made;
}

function problemsOf(test, execution) {
  const made = [];
  const word = OUTCOME_WORDS[execution.outcome] || String(execution.outcome);
  for (const [index, failure] of (execution.failures || []).entries()) {
    const what = index === 0 ? `${word} in ${phaseOf(failure)}` : `and in ${phaseOf(failure)}`;
    const title = what[0].toUpperCase() + what.slice(1);
    const place = failure.location || execution.location;
    const body = element('section', { class: 'problem' }, element('h2', { text: visible(title) }),
      element('p', { class: 'where' }, 'at ', element('code', { text: visible(place) })));
    const compared = comparisonOf(failure.message);
    if (compared) body.append(element('p', { class: 'message', text: visible(compared.title) }), comparison(compared));
    else body.append(textBlock(failure.message, 'Message'));
    if (failure.backtrace) body.append(element('details', {}, element('summary', { text: 'Call stack' }), textBlock(failure.backtrace, 'Call stack')));
    made.push(body);
  }
  if ((execution.leaks || []).length) {
    made.push(section('Left behind', { class: 'leaks' }, element('ul', {}, execution.leaks.map((leak) => element('li', {}, element('code', { text: visible(leak) }))))));
  }
  if (execution.kept) {
    made.push(section(`Kept, until process ${execution.kept.process} ends`, {}, element('ul', {}, execution.kept.steps.map((step) => element('li', { text: visible(step) })))));
  }
  return made;
}

function timelineSection(execution) {
  const phases = execution.phases || [];
  const exchanges = execution.exchanges || [];
  const last = exchanges.reduce((end, exchange) => Math.max(end, exchange.at_us + exchange.elapsed_us), 0);
  const length = Math.max(1, phases.reduce((sum, phase) => sum + phase.elapsed_us, 0), last);
  const lines = element('div', { class: 'timeline' });
  let from = 0;
  const table = element('table', { class: 'phases' }, element('caption', { class: 'hidden', text: 'Phases' }),
    element('thead', { class: 'hidden' }, element('tr', {}, ['Phase', 'Time', 'When'].map((text) => element('th', { scope: 'col', text })))));
  const body = element('tbody');
  const failed = new Set((execution.failures || []).map((failure) => failure.phase));
  for (const phase of phases) {
    const marks = exchanges.filter((exchange) => exchange.phase === phase.phase && exchange.at_us >= from - 1000 && exchange.at_us <= from + phase.elapsed_us + 1000).slice(0, 300)
      .map((exchange) => element('span', {
        class: `tick ${exchange.fault ? 'fault' : ''} ${exchange.status ? '' : 'silent'}`,
        style: { left: `${exchange.at_us / length * 100}%`, width: `${exchange.elapsed_us / length * 100}%` }, title: visible(exchangeTitle(exchange)),
      }));
    body.append(element('tr', { class: failed.has(phase.phase) ? 'failed' : '' },
      element('th', { scope: 'row' }, visible(phaseOf(phase)), failed.has(phase.phase) ? element('span', { class: 'badge failed', text: 'failed' }) : null),
      element('td', { class: 'took', text: time(phase.elapsed_us) }),
      element('td', { class: 'track' }, element('span', { class: `phase-${phase.phase} extent`, style: { left: `${from / length * 100}%`, width: `${phase.elapsed_us / length * 100}%` } }), marks)));
    from += phase.elapsed_us;
  }
  table.append(body);
  lines.append(table);
  if (!phases.length) lines.append(element('p', { text: 'No phase has ended.' }));
  return section('Phases', {}, lines);
}

function exchangeTitle(exchange) {
  return `${exchange.from ? `${exchange.from} → ` : ''}${exchange.to} ${exchange.operation} ${exchange.status || 'without a response'}`;
}

function exchangesSection(execution) {
  const all = execution.exchanges;
  const list = element('ol', { class: 'exchanges' });
  let shown = 0;
  const showMore = () => {
    for (const exchange of all.slice(shown, shown + MAX_EXCHANGE_ROWS)) list.append(exchangeRow(exchange));
    shown = Math.min(all.length, shown + MAX_EXCHANGE_ROWS);
  };
  showMore();
  const made = section(count(all.length, 'exchange'), {}, list);
  if (shown < all.length) {
    const more = element('button', { type: 'button', class: 'more', text: `Show more of ${all.length}` });
    more.addEventListener('click', () => {
      showMore();
      if (shown === all.length) more.remove();
    });
    made.append(more);
  }
  return made;
}

function exchangeRow(exchange) {
  const isBad = !exchange.status || exchange.fault || /^[45]\d\d/.test(exchange.status);
  const head = [
    element('span', { class: 'at', text: `+${time(exchange.at_us)}` }),
    element('span', { class: 'parties', text: visible(exchange.from ? `${exchange.from} → ${exchange.to}` : exchange.to) }),
    element('span', { class: 'operation', text: visible(exchange.operation) }),
    element('span', { class: `status ${isBad ? 'bad' : ''}`, text: visible(exchange.status || 'no response') }),
    element('span', { class: 'took', text: exchange.elapsed_us ? time(exchange.elapsed_us) : '' }),
    exchange.fault ? element('span', { class: 'badge fault', text: visible(`fault ${exchange.fault}`) }) : null,
    exchange.remark ? element('span', { class: 'remark', text: visible(exchange.remark) }) : null,
  ];
  if (!exchange.request && !exchange.response) return element('li', { class: 'exchange' }, head);
  const bodies = [];
  if (exchange.request) bodies.push(element('h3', { text: `Request, ${bytes(exchange.request_bytes)}` }), textBlock(exchange.request, 'Request'));
  if (exchange.response) bodies.push(element('h3', { text: `Response, ${bytes(exchange.response_bytes)}` }), textBlock(exchange.response, 'Response'));
  return element('li', { class: 'exchange' }, element('details', {}, element('summary', {}, head), bodies));
}

// Bytes that are not valid UTF-8 come from records as numbers.
function outputOf(execution, stream) {
  const numbers = execution[`${stream}_bytes`];
  if (numbers) return new TextDecoder().decode(Uint8Array.from(numbers));
  return execution[stream] || '';
}

function outputSections(execution) {
  const made = [];
  for (const stream of ['stdout', 'stderr']) {
    const text = outputOf(execution, stream);
    if (text) made.push(section(stream === 'stdout' ? 'Output' : 'Output to stderr', {}, textBlock(text, stream)));
  }
  return made;
}

// The tests that ran at the same time, which may have caused a failure.
function neighboursSection(model, execution) {
  const from = execution.started_us;
  const to = Math.max(from + 1, endOf(execution));
  const beside = model.executions.filter((other) => other !== execution && other.started_us < to && endOf(other) > from);
  const own = model.executions.filter((other) => other.worker === execution.worker);
  const before = own[own.indexOf(execution) - 1];
  const rows = element('ol', { class: 'neighbours' });
  const add = (other, kind) => {
    const left = Math.max(0, (other.started_us - from) / (to - from) * 100);
    const right = Math.min(100, (endOf(other) - from) / (to - from) * 100);
    rows.append(element('li', { class: kind },
      element('span', { class: 'worker', text: `worker ${other.worker}` }), testLink({ name: other.id }), FAILING.has(other.outcome) ? badge(other.outcome) : null,
      element('span', { class: 'track', 'aria-hidden': 'true' }, element('span', { class: `extent ${other.outcome}`, style: { left: `${left}%`, width: `${Math.max(0.5, right - left)}%` } }))));
  };
  add(execution, 'self');
  for (const other of beside.slice(0, MAX_NEIGHBOURS)) add(other, '');
  const made = section('At the same time', {}, rows);
  if (beside.length > MAX_NEIGHBOURS) made.append(element('p', { text: `and ${beside.length - MAX_NEIGHBOURS} more` }));
  if (!beside.length) made.append(element('p', { text: 'No other test ran at the same time.' }));
  if (before) made.append(element('p', { class: 'before' }, `Before it, worker ${execution.worker} ran `, testLink({ name: before.id }), FAILING.has(before.outcome) ? badge(before.outcome) : null, '.'));
  return made;
}
