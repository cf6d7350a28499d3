'use strict';
// Reads the data in the page, and turns the events of the run into tests with attempts.

const FAILING = new Set(['failed', 'errored', 'timed_out', 'crashed']);
const OUTCOME_WORDS = {
  passed: 'passed', flaky: 'flaky', failed: 'failed', errored: 'errored', timed_out: 'timed out', crashed: 'crashed',
  skipped: 'skipped', interrupted: 'interrupted', ignored: 'ignored', quarantined: 'quarantined',
};
// The order in which a list shows outcomes: what needs attention comes first.
const OUTCOME_ORDER = ['crashed', 'failed', 'errored', 'timed_out', 'interrupted', 'flaky', 'quarantined', 'skipped', 'ignored', 'passed'];
const PHASE_WORDS = { body: 'test body' };

// Decodes the embedded data. A page that was cut off gives the lines up to the cut.
async function readLines(base64) {
  const clean = base64.replace(/\s+/g, '');
  const text = atob(clean.slice(0, clean.length - clean.length % 4));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const parts = [];
  let isComplete = true;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(decoder.decode(value, { stream: true }));
    }
  } catch {
    isComplete = false;
  }
  const lines = parts.join('').split('\n');
  const last = lines.pop();
  return { lines, isComplete: isComplete && last === '' };
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

// The model of the report. All views read it, and none changes it.
function modelOf({ lines, isComplete }) {
  const model = {
    suite: '', repeat: ['', ''], start: null, end: null, earlier: null, warnings: [], interruption: null,
    tests: [], byName: new Map(), executions: [], tagsOf: new Map(), tags: [], files: [], isComplete, damaged: 0,
  };
  const earlierAttempts = new Map();
  for (const line of lines) {
    const event = parsed(line);
    if (event === null || typeof event !== 'object') {
      model.damaged += 1;
      continue;
    }
    switch (event.event) {
      case 'report':
        model.suite = event.suite;
        model.repeat = event.repeat;
        model.version = event.itest_version;
        for (const [tag, names] of Object.entries(event.tags)) {
          for (const name of names) {
            if (!model.tagsOf.has(name)) model.tagsOf.set(name, []);
            model.tagsOf.get(name).push(tag);
          }
        }
        break;
      case 'run_started': model.start = event; break;
      case 'case_ignored': addIgnored(model, event); break;
      case 'case_retried':
        if (!earlierAttempts.has(event.id)) earlierAttempts.set(event.id, []);
        earlierAttempts.get(event.id).push(event);
        model.executions.push(event);
        break;
      case 'case_finished':
        addExecution(model, event, earlierAttempts.get(event.id) || []);
        earlierAttempts.delete(event.id);
        break;
      case 'warning': model.warnings.push(event.message); break;
      case 'interrupting': model.interruption = event; break;
      case 'earlier_run': model.earlier = event; break;
      case 'run_finished': model.end = event; break;
    }
  }
  // The run was cut off before the last attempt of these tests.
  for (const [name, attempts] of earlierAttempts) {
    const last = attempts.pop();
    addExecution(model, last, attempts, 'counted');
  }
  finish(model);
  return model;
}

function addIgnored(model, event) {
  const test = {
    name: event.id, outcome: 'ignored', attempts: [], runs: [], last: null, elapsed: 0, file: '', line: '',
    reason: event.reason || '', message: '',
  };
  model.tests.push(test);
  model.byName.set(event.id, test);
}

// Adds a finished execution of a test. With --repeat, or if records overlap, a test has several.
function addExecution(model, last, before, counted) {
  const attempts = [...before, last];
  if (!counted) model.executions.push(last);
  const outcome = last.quarantine ? 'quarantined' : last.outcome;
  const run = { outcome, attempts, last };
  let test = model.byName.get(last.id);
  if (!test || !test.last) {
    const fresh = test === undefined;
    test = Object.assign(test || {}, { name: last.id, outcome, attempts: [], runs: [], reason: '', elapsed: 0 });
    if (fresh) model.tests.push(test);
    model.byName.set(last.id, test);
  }
  const isWorse = !test.last || OUTCOME_ORDER.indexOf(outcome) < OUTCOME_ORDER.indexOf(test.outcome);
  test.runs.push(run);
  test.attempts.push(...attempts);
  if (isWorse) {
    test.outcome = outcome;
    test.last = last;
  }
  test.elapsed = Math.max(test.elapsed, last.elapsed_us);
  const place = placeOf(last.location);
  test.file = place.file;
  test.line = place.line;
}

function finish(model) {
  const earlier = model.earlier;
  const failedBefore = new Set(earlier ? earlier.failed : []);
  const added = new Set(earlier ? earlier.added : []);
  const files = new Set();
  const tags = new Set();
  for (const [index, test] of model.tests.entries()) {
    test.index = index;
    test.tags = model.tagsOf.get(test.name) || [];
    for (const tag of test.tags) tags.add(tag);
    if (test.file) files.add(test.file);
    test.isFailure = FAILING.has(test.outcome);
    test.reason = test.reason || (test.last && test.last.skip_reason) || '';
    const failure = firstFailure(test);
    test.message = failure ? failure.message : test.reason;
    test.isNewFailure = test.isFailure && earlier !== null && !failedBefore.has(test.name) && !added.has(test.name);
    test.isAdded = added.has(test.name);
    test.isFixed = failedBefore.has(test.name) && (test.outcome === 'passed' || test.outcome === 'flaky');
    test.runsMany = test.runs.length > 1;
  }
  model.tests.sort((left, right) =>
    OUTCOME_ORDER.indexOf(left.outcome) - OUTCOME_ORDER.indexOf(right.outcome) || (left.name < right.name ? -1 : 1));
  model.failures = model.tests.filter((test) => test.isFailure);
  model.files = [...files].sort();
  model.tags = [...tags].sort();
  model.executions.sort((left, right) => left.started_us - right.started_us);
  model.lanes = lanesOf(model.executions);
  model.length = Math.max(1, model.end ? model.end.elapsed_us : 0,
    ...model.lanes.map((lane) => (lane.length ? endOf(lane[lane.length - 1]) : 0)));
}

function endOf(execution) {
  return execution.started_us + execution.elapsed_us;
}

// A replaced worker has a new number, and an attempt may run in a worker of its own, so several workers share a lane.
function lanesOf(executions) {
  const lastOf = new Map();
  for (const execution of executions) lastOf.set(execution.worker, execution);
  const lanes = [];
  for (const execution of executions) {
    const free = lanes.filter((lane) => endOf(lane[lane.length - 1]) <= execution.started_us);
    const lane = free.find((one) => one[one.length - 1].worker === execution.worker) ||
      free.find((one) => lastOf.get(one[one.length - 1].worker) === one[one.length - 1]) || free[0];
    if (lane) lane.push(execution);
    else lanes.push([execution]);
  }
  return lanes;
}

function placeOf(location) {
  const match = /^(.*?):(\d+)(?::(\d+))?$/.exec(location || '');
  return match ? { file: match[1], line: match[2] } : { file: location || '', line: '' };
}

function firstFailure(test) {
  const failures = test.last && test.last.failures;
  return failures && failures.length ? failures[0] : null;
}

// The outcome in words, with the phase that it is attributed to.
function headline(execution) {
  const word = OUTCOME_WORDS[execution.outcome] || String(execution.outcome);
  const failure = execution.failures && execution.failures[0];
  return failure ? `${word} in ${phaseOf(failure)}` : word;
}

function phaseOf({ phase, description, thread }) {
  const word = PHASE_WORDS[phase] || phase;
  if (thread) return `${word}, in ${thread}`;
  if (!description) return word;
  if (phase === 'setup') return `setup of ${description}`;
  if (phase === 'invariants') return `invariant ${description}`;
  return `${word}, “${description}”`;
}

// The command that runs a test again, quoted as a shell needs it.
function repeatCommand(model, test) {
  const [before, after] = model.repeat;
  const seed = model.start ? ` --seed ${model.start.seed}` : '';
  const isPlain = /^[\p{Alphabetic}\p{Number}\-_=:,./+@%^]+$/u.test(test.name);
  const name = isPlain ? test.name : `'${test.name.replaceAll("'", "'\\''")}'`;
  return before + name + after + seed;
}

function isSuccess(model) {
  return model.isComplete && model.end !== null && model.end.success === true;
}
