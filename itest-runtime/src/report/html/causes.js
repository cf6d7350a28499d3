// Groups failures by their cause, so that fifty failures with one cause are read once.

const MAX_CAUSE_CHARS = 400;

// The message without what differs between two occurrences of one cause: numbers, ids, addresses and quoted values.
function generalMessage(message) {
  const start = styledParts(message.slice(0, 4 * MAX_CAUSE_CHARS)).map((part) => part.text).join('');
  return start.slice(0, MAX_CAUSE_CHARS)
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{18,}/gi, '…')
    .replace(/\/[\w./-]*\/(?=[\w.-])/g, '…/')
    .replace(/\b[0-9a-f]{12,}\b/gi, '…')
    .replace(/\d+/g, '…')
    .replace(/\s+/g, ' ')
    .trim();
}

// The service that did not answer, if the last exchange of the test had no response and no fault caused that.
function deadServiceOf(execution) {
  const exchanges = execution.exchanges || [];
  const last = exchanges[exchanges.length - 1];
  const refused = /(connection refused|connection reset|broken pipe|server (?:has )?(?:ended|closed|died)|no longer runs)/i;
  const failure = execution.failures && execution.failures[0];
  if (!failure || !refused.test(failure.message)) return null;
  return last && !last.status && !last.fault ? last.to : null;
}

// The key, the title and the explanation of a failure's cause.
function causeOf(test) {
  const execution = test.last;
  const failure = firstFailure(test);
  if (!failure) {
    return { key: `outcome ${test.outcome}`, title: OUTCOME_WORDS[test.outcome], why: 'same outcome' };
  }
  const service = deadServiceOf(execution);
  if (service) return { key: `service ${service}`, title: `${service} does not answer`, why: 'same service' };
  const general = generalMessage(failure.message);
  const title = firstLine(visible(styledParts(failure.message).map((part) => part.text).join(''))) || headline(execution);
  if (failure.phase === 'setup' || failure.phase === 'invariants') {
    const what = failure.phase === 'setup' ? 'same fixture and message' : 'same invariant';
    const detail = failure.phase === 'setup' ? general : '';
    return { key: `${failure.phase} ${failure.description} ${detail}`, title, why: what };
  }
  if (test.outcome === 'timed_out' || test.outcome === 'crashed') {
    return { key: `${test.outcome} ${failure.phase} ${general}`, title, why: 'same phase and message' };
  }
  // The same comparison in two tests is two causes, and so is the same short message.
  if (/^(assertion|called `|explicit panic)/.test(general)) {
    return { key: `place ${failure.location || execution.location} ${general.slice(0, 60)}`, title, why: 'same place and message' };
  }
  return { key: `message ${failure.phase} ${general}`, title, why: 'same phase and message' };
}

// The groups of failures, the largest one first.
function causesOf(failures) {
  const groups = new Map();
  for (const test of failures) {
    const { key, title, why } = causeOf(test);
    if (!groups.has(key)) groups.set(key, { key, title, why, tests: [] });
    groups.get(key).tests.push(test);
  }
  return [...groups.values()].sort((left, right) => right.tests.length - left.tests.length);
}
