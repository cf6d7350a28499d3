// Words, numbers and times, and the colours of a terminal.

function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

function time(micros) {
  const seconds = micros / 1e6;
  if (seconds >= 100) return `${Math.floor(seconds / 60)}m ${String(Math.floor(seconds % 60)).padStart(2, '0')}s`;
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  if (micros >= 1000) return `${(micros / 1000).toFixed(1)} ms`;
  return `${micros} µs`;
}

function bytes(number) {
  if (number < 1000) return `${number} B`;
  return number < 1e6 ? `${(number / 1000).toFixed(1)} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

function dateTime(unixMs) {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

function firstLine(text) {
  const line = text.split('\n').find((one) => one.trim() !== '') || '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

const ANSI = /\x1b\[([0-9;:]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]?/g;

// Splits a text at the escape sequences of a terminal. Colours and weights become classes, and all other sequences are removed.
function styledParts(text) {
  const parts = [];
  let style = { color: '', bold: false, dim: false, italic: false, underline: false };
  const add = (piece) => {
    if (piece === '') return;
    const classes = [];
    if (style.color) classes.push(`ansi-${style.color}`);
    for (const name of ['bold', 'dim', 'italic', 'underline']) if (style[name]) classes.push(`ansi-${name}`);
    parts.push({ text: visible(piece), classes: classes.join(' ') });
  };
  let from = 0;
  for (const match of text.matchAll(ANSI)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') style = restyled(style, match[1]);
  }
  add(text.slice(from));
  return parts;
}

function restyled(before, codes) {
  const style = { ...before };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i];
    if (code === 0) Object.assign(style, { color: '', bold: false, dim: false, italic: false, underline: false });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) Object.assign(style, { bold: false, dim: false });
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code >= 30 && code <= 37) style.color = String(code - 30);
    else if (code >= 90 && code <= 97) style.color = String(code - 90);
    else if (code === 39) style.color = '';
    else if (code === 38 || code === 48) {
      // A colour of a larger palette: the sixteen first ones of the 256 are kept.
      if (numbers[i + 1] === 5) {
        if (code === 38) style.color = numbers[i + 2] < 16 ? String(numbers[i + 2] % 8) : '';
        i += 2;
      } else if (numbers[i + 1] === 2) {
        i += 4;
      }
    }
  }
  return style;
}

// Control characters would be invisible, and could make a text look different from what it is.
function visible(text) {
  return text.replace(/\r\n/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

// The values of a failed comparison, if the message is one of `assert_eq!`.
function comparisonOf(message) {
  const match = /^(assertion [^\n]*)\n {2}left: ([^\n]*)\n ?right: ([^\n]*)([\s\S]*)$/.exec(message);
  return match ? { title: match[1], left: match[2], right: match[3], rest: match[4].trim() } : null;
}

// The parts of two texts that differ, between their common beginning and their common end.
function differenceOf(left, right) {
  const most = Math.min(left.length, right.length);
  let start = 0;
  while (start < most && left[start] === right[start]) start++;
  let end = 0;
  while (end < most - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const split = (text) => [text.slice(0, start), text.slice(start, text.length - end), text.slice(text.length - end)];
  return [split(left), split(right)];
}
