// The first view: the outcome of the run, what is new, the causes of failures, flaky tests, and the slowest tests.

const MAX_NAMED_TESTS = 6;
const MAX_CAUSES = 50;
const MAX_SLOWEST = 8;

function overviewView(model) {
  const view = element('div', { class: 'view overview' });
  view.append(verdict(model), ...notices(model));
  const news = newsSection(model);
  const causes = causesSection(model);
  if (news) view.append(news);
  if (causes) view.append(causes);
  const flaky = model.tests.filter((test) => test.outcome === 'flaky');
  const quarantined = model.tests.filter((test) => test.outcome === 'quarantined');
  if (flaky.length) view.append(namedTests('Flaky: passed only in a later attempt', flaky, 'flaky'));
  if (quarantined.length) view.append(namedTests('Failed in quarantine', quarantined, 'quarantined'));
  if (model.executions.length) view.append(slowestSection(model));
  return view;
}

// The outcome in one sentence. It is never green if the report is incomplete.
function verdictWords(model) {
  const failed = model.failures.length;
  const all = model.tests.length;
  if (failed) return [failed === all ? `${all === 1 ? 'The only test' : `All ${count(all, 'test')}`} failed` : `${failed.toLocaleString('en')} of ${count(all, 'test')} failed`, 'failed'];
  if (!model.isComplete || model.end === null) return ['The run did not end', 'failed'];
  if (model.interruption || model.end.interrupted_by) return ['The run was interrupted', 'failed'];
  if (!isSuccess(model)) return ['The run failed, although no test failed', 'failed'];
  if (all === 0) return ['No test ran', 'skipped'];
  return [`All ${count(model.tests.filter((test) => test.outcome === 'passed' || test.outcome === 'flaky').length, 'test')} passed`.replace('All 1 test', 'The only test'), 'passed'];
}

function verdict(model) {
  const [words, kind] = verdictWords(model);
  const start = model.start || {};
  const facts = [];
  const environment = start.environment || {};
  if (start.began_unix_ms) facts.push(dateTime(start.began_unix_ms));
  if (model.end) facts.push(`took ${time(model.end.elapsed_us)}`);
  if (start.jobs) facts.push(count(start.jobs, 'worker'));
  if (start.seed !== undefined) facts.push(`seed ${start.seed}`);
  if (start.shard) facts.push(`shard ${start.shard.index} of ${start.shard.count}`);
  if (environment.commit) facts.push(`commit ${environment.commit.slice(0, 10)}`);
  if (environment.ci_job) facts.push(environment.ci_job);
  const cause = model.failures.length > 1 ? causesOf(model.failures).length : 0;
  const causes = cause && cause < model.failures.length ? ` for ${count(cause, 'reason')}` : '';
  const heading = element('h1', { text: words + causes });
  return element('section', { class: `verdict ${kind}`, 'aria-label': 'Outcome' },
    heading, element('p', { class: 'facts', text: facts.join(' · ') }), outcomeBar(model));
}

function outcomeBar(model) {
  const counts = new Map();
  for (const test of model.tests) counts.set(test.outcome, (counts.get(test.outcome) || 0) + 1);
  const outcomes = OUTCOME_ORDER.filter((outcome) => counts.has(outcome));
  const bar = element('div', { class: 'proportions', 'aria-hidden': 'true' });
  const legend = element('ul', { class: 'counts', 'aria-label': 'Tests by outcome' });
  for (const outcome of outcomes) {
    const number = counts.get(outcome);
    bar.append(element('span', { class: outcome, style: { 'flex-grow': String(number) } }));
    legend.append(element('li', {}, element('a', { href: `#/tests?outcome=${outcome}`, class: `count ${outcome}` },
      element('b', { text: number.toLocaleString('en') }), ` ${OUTCOME_WORDS[outcome]}`)));
  }
  return element('div', {}, bar, legend);
}

// What a reader must know before the results: the report lacks something, or something else than a test failed.
function notices(model) {
  const made = [];
  const add = (kind, text) => made.push(element('p', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : null }, element('b', { text: kind === 'bad' ? 'Problem: ' : 'Note: ' }), visible(text)));
  if (!model.isComplete) add('bad', 'This report ends early: the run was killed while it was written, or the file was cut off.');
  if (model.damaged) add('bad', `${count(model.damaged, 'line')} of the data cannot be read.`);
  for (const problem of (model.end && model.end.problems) || []) add('bad', problem);
  if (model.end && model.end.not_run) add('bad', `${count(model.end.not_run, 'test')} did not run, because the run stopped early.`);
  if (model.interruption) add('bad', `${model.interruption.signal} ended the run.`);
  for (const warning of model.warnings) add('warning', warning);
  const many = model.tests.filter((test) => test.runsMany).length;
  if (many && !(model.start && model.start.repeats)) {
    add('warning', `${count(many, 'test')} ran more than once: the merged records overlap. The worst outcome counts.`);
  }
  return made.length > 12
    ? [...made.slice(0, 12), element('p', { class: 'notice warning', text: `${made.length - 12} further notes are in the run view.` })]
    : made;
}

function newsSection(model) {
  if (!model.earlier) return null;
  const fresh = model.failures.filter((test) => test.isNewFailure);
  const fixed = model.tests.filter((test) => test.isFixed);
  const added = model.tests.filter((test) => test.isAdded);
  const still = model.failures.filter((test) => !test.isNewFailure && !test.isAdded);
  const items = [];
  const add = (kind, label, tests, news) => {
    if (tests.length) items.push(element('li', { class: `news ${kind}` }, element('a', { href: `#/tests?news=${news}` }, element('b', { text: String(tests.length) }), ` ${label}`), nameList(tests, 3)));
  };
  add('failed', fresh.length === 1 ? 'fails now and passed before' : 'fail now and passed before', fresh, 'failing');
  add('failed', still.length === 1 ? 'failed before, too' : 'failed before, too', still, 'still');
  add('passed', 'passed again', fixed, 'fixed');
  if (model.earlier.common) add('skipped', added.length === 1 ? 'was not in that run' : 'were not in that run', added, 'added');
  const when = dateTime(model.earlier.began_unix_ms);
  const title = `Since the last run${when ? `, ${when}` : ''}`;
  if (!items.length) items.push(element('li', { class: 'news', text: 'Nothing has changed: the same tests have the same outcomes.' }));
  return section(title, { class: 'since' }, element('ul', { class: 'newslist' }, items));
}

function nameList(tests, most) {
  const list = element('span', { class: 'names' });
  for (const test of tests.slice(0, most)) list.append(testLink(test), ' ');
  if (tests.length > most) list.append(`and ${tests.length - most} more`);
  return list;
}

function causesSection(model) {
  if (!model.failures.length) return null;
  const causes = causesOf(model.failures);
  const shown = causes.slice(0, MAX_CAUSES);
  const made = section('Why tests failed', { class: 'causes' }, shown.map((cause) => causeCard(model, cause)));
  if (causes.length > shown.length) {
    made.append(element('p', {}, element('a', { href: '#/tests?outcome=failing' }, `${count(causes.length - shown.length, 'further reason')}: all failed tests`)));
  }
  return made;
}

function causeCard(model, cause) {
  const [first] = cause.tests;
  const failure = firstFailure(first);
  const many = cause.tests.length > 1;
  const head = element('div', { class: 'cause-head' },
    many ? element('span', { class: 'times', text: `${cause.tests.length} tests` }) : badge(first.outcome),
    element('h3', { class: 'message', text: cause.title }));
  const place = (failure && failure.location) || first.last.location;
  const where = `${headline(first.last)}${place ? ` at ${place}` : ''}`;
  const fresh = first.isNewFailure ? element('span', { class: 'new', text: 'new' }) : null;
  const detail = many
    ? element('p', { class: 'where', text: visible(`${cause.why}: ${where}`) })
    : element('p', { class: 'where' }, testLink(first), fresh, element('span', { class: 'place', text: visible(where) }), element('span', { class: 'took', text: time(first.elapsed) }));
  const card = element('article', { class: `cause ${first.outcome}` }, head, detail);
  const compared = failure && comparisonOf(failure.message);
  if (compared) card.append(comparison(compared));
  if (!many) return card;
  const list = element('ul', { class: 'tests' });
  const add = (test) => list.append(element('li', {}, testLink(test),
    test.isNewFailure ? element('span', { class: 'new', text: 'new' }) : null, element('span', { class: 'took', text: time(test.elapsed) })));
  cause.tests.slice(0, MAX_NAMED_TESTS).forEach(add);
  card.append(list);
  const rest = cause.tests.slice(MAX_NAMED_TESTS);
  if (rest.length) {
    const more = element('button', { type: 'button', class: 'more', text: `Show ${count(rest.length, 'more test')}` });
    more.addEventListener('click', () => {
      const from = list.children.length;
      rest.splice(0, 200).forEach(add);
      list.children[from].querySelector('a').focus();
      if (rest.length) more.textContent = `Show ${count(rest.length, 'more test')}`;
      else more.remove();
    });
    card.append(more);
  }
  return card;
}

function namedTests(title, tests, outcome) {
  const list = element('ul', { class: 'tests plain' });
  for (const test of tests.slice(0, 10)) {
    list.append(element('li', {}, testLink(test), element('span', { class: 'took', text: test.message ? firstLine(visible(test.message)) : count(test.attempts.length, 'attempt') })));
  }
  const made = section(`${title} (${tests.length})`, { class: outcome }, list);
  if (tests.length > 10) made.append(element('a', { href: `#/tests?outcome=${outcome}`, text: `All ${tests.length}` }));
  return made;
}

function slowestSection(model) {
  const slowest = [...model.tests].sort((left, right) => right.elapsed - left.elapsed).slice(0, MAX_SLOWEST);
  const longest = slowest.length ? Math.max(1, slowest[0].elapsed) : 1;
  const list = element('ol', { class: 'slowest' });
  for (const test of slowest) {
    if (!test.last) continue;
    const phases = test.last.phases || [];
    const top = phases.reduce((most, phase) => (phase.elapsed_us > (most ? most.elapsed_us : -1) ? phase : most), null);
    const bar = phaseBar(test.last, longest);
    list.append(element('li', {}, element('span', { class: 'slow-name' }, testLink(test)), bar,
      element('span', { class: 'took', text: time(test.elapsed) }),
      element('span', { class: 'top', text: top ? `${phaseOf(top)} ${time(top.elapsed_us)}` : '' })));
  }
  return section('Slowest tests', { class: 'slow' }, phaseLegend(), list);
}

const PHASES = ['setup', 'arrange', 'act', 'assert', 'body', 'invariants', 'teardown'];

function phaseLegend() {
  return element('ul', { class: 'legend', 'aria-label': 'Colours of the phases' },
    PHASES.map((phase) => element('li', {}, element('span', { class: `swatch phase-${phase}`, 'aria-hidden': 'true' }), PHASE_WORDS[phase] || phase)));
}

function phaseBar(execution, longest) {
  const bar = element('span', { class: 'phasebar', 'aria-hidden': 'true' });
  let known = 0;
  for (const phase of execution.phases || []) {
    const part = phase.elapsed_us / longest * 100;
    if (part > 0.2) bar.append(element('span', { class: `phase-${phase.phase}`, style: { width: `${part}%` } }));
    known += phase.elapsed_us;
  }
  // A process that died has not said how long its last phase took.
  const unknown = (execution.elapsed_us - known) / longest * 100;
  if (unknown > 0.2) bar.append(element('span', { class: 'idle', style: { width: `${unknown}%` } }));
  return bar;
}

// The two values of a failed comparison, with the part that differs.
function comparison({ left, right, rest }) {
  const [leftParts, rightParts] = differenceOf(visible(left), visible(right));
  const line = (name, kind, parts) => element('div', { class: `value ${kind}` }, element('span', { class: 'side', text: name }),
    element('code', {}, parts[0], element('mark', { text: parts[1] }), parts[2]));
  return element('div', { class: 'comparison' }, line('left', 'is-left', leftParts), line('right', 'is-right', rightParts), rest ? element('p', { class: 'rest', text: visible(rest) }) : null);
}
