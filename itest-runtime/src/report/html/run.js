// The whole run: a lane for each worker, where the time went, and what the run says of itself.

function runView(model, parameters) {
  const view = element('div', { class: 'view run' }, element('h1', { text: 'Run' }));
  if (model.executions.length) view.append(lanesSection(model, parameters), timeSection(model));
  else view.append(element('p', { text: 'No test ran.' }));
  view.append(factsSection(model));
  return view;
}

const LANE_HEIGHT = 26;

// The lanes are a drawing, because 10,000 attempts have 40,000 parts. Keys move through it, and each attempt is announced.
function lanesSection(model, parameters) {
  const state = { from: 0, to: model.length, chosen: Math.max(0, model.executions.findIndex((one) => one.id === parameters.get('test'))) };
  const canvas = element('canvas', {
    class: 'lanes', tabindex: '0', role: 'application', 'aria-roledescription': 'timeline',
    'aria-label': `${count(model.executions.length, 'attempt')} on ${count(model.lanes.length, 'worker')}. Left and right keys go through the attempts, Enter opens a test, plus and minus zoom.`,
  });
  const shown = element('p', { class: 'lane-status' });
  const laneOf = new Map();
  model.lanes.forEach((lane, index) => lane.forEach((execution) => laneOf.set(execution, index)));
  const draw = () => drawLanes(canvas, model, state, laneOf);
  const describe = (say) => {
    const execution = model.executions[state.chosen];
    const text = `${execution.id}: ${headline(execution)}, ${time(execution.elapsed_us)}, from ${time(execution.started_us)} on worker ${execution.worker}`;
    shown.replaceChildren(testLink({ name: execution.id }), element('span', { text: ` ${headline(execution)}, ${time(execution.elapsed_us)}, from ${time(execution.started_us)} on worker ${execution.worker}` }));
    if (say) announce(text);
  };
  const zoom = (factor, at) => {
    const middle = at === undefined ? (state.from + state.to) / 2 : at;
    const length = Math.min(model.length, Math.max(1000, (state.to - state.from) * factor));
    state.from = Math.max(0, Math.min(model.length - length, middle - length * ((middle - state.from) / (state.to - state.from))));
    state.to = state.from + length;
    draw();
  };
  const choose = (index, say) => {
    state.chosen = Math.min(model.executions.length - 1, Math.max(0, index));
    const execution = model.executions[state.chosen];
    if (endOf(execution) < state.from || execution.started_us > state.to) {
      const length = state.to - state.from;
      state.from = Math.max(0, execution.started_us - length / 2);
      state.to = state.from + length;
    }
    describe(say);
    draw();
  };
  const at = (moved) => {
    const box = canvas.getBoundingClientRect();
    const moment = state.from + (moved.clientX - box.left) / box.width * (state.to - state.from);
    const lane = model.lanes[Math.floor((moved.clientY - box.top) / LANE_HEIGHT)];
    const near = (state.to - state.from) / box.width * 3;
    return [lane && lane.find((one) => one.started_us - near <= moment && endOf(one) + near >= moment), moment];
  };
  canvas.addEventListener('mousemove', (moved) => {
    const [execution] = at(moved);
    if (execution) choose(model.executions.indexOf(execution), false);
  });
  canvas.addEventListener('click', (clicked) => {
    const [execution] = at(clicked);
    if (execution) location.hash = testAddress(execution.id);
  });
  canvas.addEventListener('wheel', (turned) => {
    if (!turned.ctrlKey && !turned.shiftKey) return;
    turned.preventDefault();
    zoom(turned.deltaY > 0 ? 1.25 : 0.8, at(turned)[1]);
  }, { passive: false });
  canvas.addEventListener('keydown', (pressed) => {
    const actions = {
      ArrowRight: () => choose(state.chosen + 1, true), ArrowLeft: () => choose(state.chosen - 1, true),
      Home: () => choose(0, true), End: () => choose(model.executions.length - 1, true),
      '+': () => zoom(0.5), '-': () => zoom(2), '=': () => zoom(0.5),
      Enter: () => { location.hash = testAddress(model.executions[state.chosen].id); },
    };
    const action = actions[pressed.key];
    if (!action || pressed.ctrlKey || pressed.metaKey) return;
    pressed.preventDefault();
    action();
  });
  onResize(draw);
  queueMicrotask(() => choose(state.chosen, false));
  const buttons = element('div', { class: 'buttons' },
    element('button', { type: 'button', 'aria-label': 'Zoom in', text: '+', onclick: () => zoom(0.5) }),
    element('button', { type: 'button', 'aria-label': 'Zoom out', text: '−', onclick: () => zoom(2) }),
    element('button', { type: 'button', text: 'Whole run', onclick: () => zoom(1e9) }));
  return section(`${count(model.lanes.length, 'worker')}, ${time(model.length)}`, {}, phaseLegend(), buttons, element('div', { class: 'lane-box' }, canvas), shown);
}

function drawLanes(canvas, model, state, laneOf) {
  if (!canvas.isConnected) return;
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(name).trim();
  const colors = {};
  for (const phase of PHASES) colors[phase] = color(`--phase-${phase}`);
  const unknown = color('--line');
  const failed = color('--failed');
  const width = canvas.clientWidth;
  const height = model.lanes.length * LANE_HEIGHT + 20;
  const ratio = devicePixelRatio || 1;
  canvas.style.setProperty('height', `${height}px`);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  const x = (moment) => (moment - state.from) / (state.to - state.from) * width;
  pen.fillStyle = color('--sunken');
  model.lanes.forEach((_, index) => pen.fillRect(0, index * LANE_HEIGHT + 3, width, LANE_HEIGHT - 6));
  for (const execution of model.executions) {
    if (execution.started_us > state.to || endOf(execution) < state.from) continue;
    const top = laneOf.get(execution) * LANE_HEIGHT + 3;
    let moment = execution.started_us;
    for (const phase of execution.phases || []) {
      pen.fillStyle = colors[phase.phase] || unknown;
      pen.fillRect(x(moment), top, Math.max(0.6, x(moment + phase.elapsed_us) - x(moment)), LANE_HEIGHT - 6);
      moment += phase.elapsed_us;
    }
    if (moment < endOf(execution)) {
      pen.fillStyle = unknown;
      pen.fillRect(x(moment), top, x(endOf(execution)) - x(moment), LANE_HEIGHT - 6);
    }
    if (FAILING.has(execution.outcome)) {
      pen.fillStyle = failed;
      pen.fillRect(x(execution.started_us), top + LANE_HEIGHT - 10, Math.max(2, x(endOf(execution)) - x(execution.started_us)), 4);
    }
  }
  const chosen = model.executions[state.chosen];
  if (chosen) {
    pen.strokeStyle = color('--text');
    pen.lineWidth = 2;
    pen.strokeRect(x(chosen.started_us) - 1, laneOf.get(chosen) * LANE_HEIGHT + 2, Math.max(3, x(endOf(chosen)) - x(chosen.started_us) + 2), LANE_HEIGHT - 4);
  }
  pen.fillStyle = color('--muted');
  pen.font = '11px system-ui, sans-serif';
  for (let step = 0; step <= 4; step++) {
    pen.textAlign = ['left', 'center', 'center', 'center', 'right'][step];
    pen.fillText(time(Math.round(state.from + (state.to - state.from) * step / 4)), width * step / 4, height - 5);
  }
}

function timeSection(model) {
  const sums = new Map();
  let busy = 0;
  let unknown = 0;
  for (const execution of model.executions) {
    let known = 0;
    for (const phase of execution.phases || []) {
      sums.set(phase.phase, (sums.get(phase.phase) || 0) + phase.elapsed_us);
      known += phase.elapsed_us;
    }
    // A process that died has not said how long its last phase took.
    unknown += Math.max(0, execution.elapsed_us - known);
    busy += Math.max(known, execution.elapsed_us);
  }
  const total = Math.max(busy, model.length * model.lanes.length, 1);
  const rows = PHASES.filter((phase) => sums.get(phase)).map((phase) => [PHASE_WORDS[phase] || phase, sums.get(phase), `phase-${phase}`]);
  if (unknown > 0) rows.push(['unknown phase of a killed test', unknown, 'idle']);
  rows.push(['idle: between tests, and when no test could start', Math.max(0, total - busy), 'idle']);
  const body = element('tbody', {}, rows.map(([name, sum, kind]) => element('tr', {}, element('th', { scope: 'row', text: name }),
    element('td', { class: 'took', text: time(sum) }), element('td', { class: 'took', text: `${(sum / total * 100).toFixed(0)} %` }),
    element('td', { class: 'track' }, element('span', { class: `extent ${kind}`, style: { left: '0', width: `${sum / total * 100}%` } })))));
  const head = element('thead', { class: 'hidden' }, element('tr', {}, ['Phase', 'Time', 'Part', 'Bar'].map((text) => element('th', { scope: 'col', text }))));
  const table = element('table', { class: 'phases' }, element('caption', { class: 'hidden', text: 'Time by phase' }), head, body);
  return section('Where the time of the workers went', {}, element('div', { class: 'timeline' }, table));
}

function factsSection(model) {
  const list = element('dl', { class: 'facts-list' });
  const fact = (label, text) => {
    if (text) list.append(element('div', {}, element('dt', { text: label }), element('dd', { text: visible(String(text)) })));
  };
  const start = model.start || {};
  const end = model.end || {};
  fact('Suite', start.suite || model.suite);
  fact('Began', start.began_unix_ms ? new Date(start.began_unix_ms).toISOString() : '');
  fact('Seed', start.seed === undefined ? '' : start.seed);
  fact('Order', start.order);
  fact('Arguments', (start.arguments || []).join(' '));
  if (start.shard) fact('Shard', `${start.shard.index} of ${start.shard.count}, ${start.shard.left_to_others} tests are left to the others`);
  for (const [name, text] of Object.entries(start.environment || {})) fact(name.replaceAll('_', ' '), text);
  for (const used of end.used || []) fact('Used', used);
  for (const remark of end.remarks || []) {
    const happened = Object.values(remark.causes || {}).reduce((sum, tests) => sum + tests.length, 0);
    if (happened) fact('Remark', `${happened} of ${remark.of} ${remark.what}: ${Object.keys(remark.causes).join(', ')}`);
  }
  if (end.given_back) fact('Given back', `${end.given_back} resources of processes that died`);
  if (end.filtered_out) fact('Not selected', count(end.filtered_out, 'test'));
  for (const warning of model.warnings) fact('Warning', warning);
  for (const problem of end.problems || []) fact('Problem', problem);
  fact('itest', model.version);
  return section('About this run', {}, list);
}
