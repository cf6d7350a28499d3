// Makes elements. Texts are always inserted as text: there is no function here that takes markup.

function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'class') made.className = value;
    else if (key === 'text') made.textContent = value;
    else if (key === 'style') for (const [rule, setting] of Object.entries(value)) made.style.setProperty(rule, setting);
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

function badge(outcome) {
  return element('span', { class: `badge ${outcome}`, text: OUTCOME_WORDS[outcome] || outcome });
}

function section(title, properties, ...children) {
  return element('section', properties, element('h2', { text: title }), ...children);
}

function testAddress(name, parameters) {
  const query = parameters ? `?${new URLSearchParams(parameters)}` : '';
  return `#/test/${encodeURIComponent(name)}${query}`;
}

function testLink(test, ...children) {
  const link = element('a', { href: testAddress(test.name), class: 'test-name' });
  // Names are long, and the last part says most.
  const name = visible(test.name);
  const end = name.lastIndexOf('::', name.includes('::') ? name.length - 3 : 0);
  if (end > 0) link.append(element('span', { class: 'module', text: name.slice(0, end + 2) }), name.slice(end + 2));
  else link.append(name);
  link.append(...children);
  return link;
}

// A block of text from a test, with the colours of a terminal.
function textBlock(text, label) {
  const block = element('pre', { class: 'text', tabindex: '0', role: 'group', 'aria-label': label });
  for (const part of styledParts(text)) {
    block.append(part.classes ? element('span', { class: part.classes, text: part.text }) : part.text);
  }
  return block;
}

function copyButton(text, label) {
  const button = element('button', { type: 'button', class: 'copy', 'aria-label': label, text: 'Copy' });
  button.addEventListener('click', async () => {
    button.textContent = (await copied(text)) ? 'Copied' : 'Press Ctrl+C';
    announce(button.textContent);
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
  return button;
}

// Pages at file:// may have no access to the clipboard, so the selection is the second way.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element('textarea', { class: 'hidden', 'aria-hidden': 'true' });
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    return isDone;
  }
}

function announce(text) {
  document.getElementById('announcement').textContent = text;
}
