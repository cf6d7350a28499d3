//! The HTML report in a real browser: what is on the page, by clicks and by keys, in both colour schemes, wide and narrow.

mod accessibility;
mod browser;
mod hostile;
mod incomplete;
mod keys;
mod records;
mod scale;
mod views;

itest::main!();
