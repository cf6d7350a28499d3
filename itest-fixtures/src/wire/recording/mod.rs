//! Recordings: files with the answers of a real third party, from which a stand-in answers.

mod body;
mod file;
mod format;
mod mode;
mod playback;
mod real_service;
mod request;
mod response;

pub(super) use playback::{Playback, PlaybackOptions, RecordedAnswer, RequestForRealService, Reuse};
