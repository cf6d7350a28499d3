//! Tests that fail after another one, which is to blame: it leaves something behind and is content.

mod cleaned;
mod several;
mod single;
