//! Answers requests from the recording of a test, and adds to the recording what the real service answers.

use std::panic::Location;
use std::sync::{Mutex, MutexGuard};

use itest_runtime::__private::{quote, redacted, suite};
use itest_runtime::{Error, Outcome, TestInfo};

use super::super::received::Received;
use super::super::reply::FixedReply;
use super::super::stub::lock;
use super::file::RecordingFile;
use super::format::{RecordedExchange, Recording};
use super::mode::RecordingMode;
use super::real_service::RealService;
use super::request::RecordedRequest;
use super::response::{RecordedResponse, reply_of};
use crate::injection::in_times;

/// Which recording a stand-in uses.
#[derive(Debug)]
pub(in crate::wire) struct PlaybackOptions<'o> {
    /// The name of the third party.
    pub(in crate::wire) api: &'static str,
    /// The URL of the real service, if the suite names one.
    pub(in crate::wire) real_url: Option<String>,
    /// The name that distinguishes several stand-ins of one test.
    pub(in crate::wire) name: Option<&'o str>,
    /// Where the test requested the recording.
    pub(in crate::wire) location: &'static Location<'static>,
}

/// The recording from which a stand-in answers.
#[derive(Debug)]
pub(in crate::wire) struct Playback {
    api: &'static str,
    name: Option<String>,
    pub(in crate::wire) location: &'static Location<'static>,
    mode: RecordingMode,
    /// None in a run that only replays.
    real_service: Option<RealService>,
    /// The command that records the test, without the value of its flag.
    command: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// None after the end of the test.
    file: Option<RecordingFile>,
    /// The recording as the file has it.
    recording: Recording,
    /// How often each exchange of the file has answered.
    uses: Vec<u32>,
    /// What the real service has answered, in the order of the requests. None while it is answering.
    added: Vec<Option<RecordedExchange>>,
    /// Whether the file is written even if the real service has answered nothing: there is no file, or it is written anew.
    is_new: bool,
    /// Whether the real service gave an answer that is not recorded.
    has_failed: bool,
}

/// Whether an exchange of a recording answers several requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wire) enum Reuse {
    /// Each exchange answers one request.
    Never,
    /// If all exchanges that fit have answered, the last one answers again.
    LastAgain,
}

/// How a recording answers a request.
#[derive(Debug)]
pub(in crate::wire) enum RecordedAnswer {
    /// The recording contains this response.
    Reply(FixedReply),
    /// No unused exchange of the recording fits the request, so the real service must answer it.
    RealService(RequestForRealService),
    /// No unused exchange of the recording fits the request, and the run does not record. The text explains this.
    Miss(String),
}

/// A request that the real service answers, and its place in the recording.
#[derive(Debug)]
pub(in crate::wire) struct RequestForRealService {
    position: usize,
    request: RecordedRequest,
}

impl Playback {
    /// Opens the recording of a test.
    ///
    /// # Errors
    ///
    /// When the recording is missing, damaged, in use, or of another third party, or when it has to be recorded, and the real
    /// service is unknown.
    pub(in crate::wire) fn open(options: PlaybackOptions<'_>, info: &TestInfo) -> Result<Self, Error> {
        let PlaybackOptions { api, real_url, name, location } = options;
        let requested = RecordingMode::of_run().map_err(Error::new)?;
        // A fault that the test does not expect must not be in a recording.
        let mode = if info.running().is_disturbed() { RecordingMode::Replay } else { requested };
        let command = format!("{} --exact {} --record-stand-ins", suite().program(), quote(info.id().as_str()));
        let file = RecordingFile::reserve(api, info.id(), name).map_err(Error::new)?;
        let real_service = if mode.is_recording() { Some(real_service(api, real_url)?) } else { None };
        let text = if mode == RecordingMode::Rewrite { None } else { file.read().map_err(Error::new)? };
        let is_new = text.is_none();
        let recording = match text {
            Some(text) => Recording::parse(&text, api).map_err(|error| {
                let remedy = "repair it, or remove it and record the test again";
                Error::new(format!(
                    "cannot use the recording {file}:{}: {}; {remedy}: {command}",
                    error.line, error.message
                ))
            })?,
            None if mode.is_recording() => Recording::empty(api),
            None => return Err(Error::new(format!("there is no recording {file}; record it with: {command}"))),
        };
        let uses = vec![0; recording.exchanges.len()];
        let state = State { file: Some(file), recording, uses, added: Vec::new(), is_new, has_failed: false };
        let name = name.map(str::to_owned);
        Ok(Self { api, name, location, mode, real_service, command, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Answers a request.
    pub(in crate::wire) fn answer(&self, request: &Received, reuse: Reuse) -> RecordedAnswer {
        let request = RecordedRequest::of(request);
        let mut state = self.state();
        if let Some(position) = state.choose(&request, reuse) {
            state.uses[position] += 1;
            return RecordedAnswer::Reply(state.recording.exchanges[position].response.to_reply());
        }
        if self.real_service.is_some() {
            state.added.push(None);
            return RecordedAnswer::RealService(RequestForRealService { position: state.added.len() - 1, request });
        }
        RecordedAnswer::Miss(format!("{}\n  record it with: {}", state.explain_miss(&request), self.command))
    }

    /// Sends a request to the real service, and keeps its answer for the recording.
    ///
    /// # Errors
    ///
    /// When the real service does not answer, or its answer cannot be recorded.
    pub(in crate::wire) async fn answer_of_real_service(
        &self,
        place: RequestForRealService,
        request: &Received,
    ) -> Result<FixedReply, String> {
        let Some(real_service) = &self.real_service else { return Err("there is no real service".to_owned()) };
        let answered = real_service.send(request).await;
        let mut state = self.state();
        let response = answered.inspect_err(|_| state.has_failed = true)?;
        if response.status.is_server_error() || response.status == hyper::StatusCode::TOO_MANY_REQUESTS {
            state.has_failed = true;
            return Err(format!(
                "it answers {}, which may be different next time; for such an answer, write a stub",
                response.status
            ));
        }
        let recorded = RecordedResponse::of(response.status, &response.headers, &response.body);
        if let Some(added) = state.added.get_mut(place.position) {
            *added = Some(RecordedExchange::new(place.request, recorded));
        }
        let headers = response.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        Ok(reply_of(response.status, headers, response.body))
    }

    /// The exchanges of the recording that have answered no request, each in a sentence.
    pub(in crate::wire) fn unused(&self) -> Vec<String> {
        let state = self.state();
        let Some(file) = &state.file else { return Vec::new() };
        let exchanges = state.recording.exchanges.iter().zip(&state.uses).enumerate();
        let unused = exchanges.filter(|(_, (_, uses))| **uses == 0);
        let sentence = |(position, (exchange, _)): (usize, (&RecordedExchange, &u32))| {
            format!(
                "exchange {} of the recording {file}, {}, was never used; remove it, or record the test again: {}=again",
                position + 1,
                exchange.request.operation(),
                self.command
            )
        };
        unused.map(sentence).collect()
    }

    /// Whether this is the recording with a name, or the one without.
    pub(in crate::wire) fn has_name(&self, name: Option<&str>) -> bool {
        self.name.as_deref() == name
    }

    /// Whether the run adds to the recording.
    pub(in crate::wire) fn is_recording(&self) -> bool {
        self.mode.is_recording()
    }

    /// Writes the recording at the end of a test, if the test has passed, and lets another stand-in use the file.
    pub(in crate::wire) fn finish(&self, outcome: Outcome, info: &TestInfo) {
        let mut state = self.state();
        let Some(file) = state.file.take() else { return };
        if !self.mode.is_recording() {
            return;
        }
        let api = self.api;
        if outcome != Outcome::Passed || info.has_failed() || state.has_failed {
            let text = format!("{file} is not written, because the test has not passed");
            info.add_note("recording", text);
            return;
        }
        let count = state.added.len();
        let added: Option<Vec<RecordedExchange>> = std::mem::take(&mut state.added).into_iter().collect();
        let Some(added) = added else {
            info.fail(Error::new(format!(
                "the test ended before the real {api} had answered all requests, so {file} is not written; let the test wait for \
                 the answers"
            )));
            return;
        };
        state.recording.exchanges.extend(added);
        if count == 0 && !state.is_new {
            return;
        }
        let written = state.recording.to_text().and_then(|text| file.write(&text));
        match written {
            Ok(()) => {
                let exchanges = if count == 1 { "1 exchange".to_owned() } else { format!("{count} exchanges") };
                info.warn(format!(
                    "{exchanges} with the real {api} recorded in {file}; review the file before you commit it"
                ));
            }
            Err(error) => info.fail(Error::new(format!("the recording of {api} is not written: {error}"))),
        }
    }
}

impl State {
    /// The position of the exchange that answers a request.
    fn choose(&self, request: &RecordedRequest, reuse: Reuse) -> Option<usize> {
        let exchanges = self.recording.exchanges.iter().enumerate();
        let mut fitting = exchanges.filter(|(_, exchange)| exchange.request.differences(request).is_empty());
        let mut last = None;
        let unused = fitting.find_map(|(position, _)| {
            last = Some(position);
            (self.uses[position] == 0).then_some(position)
        });
        unused.or(last.filter(|_| reuse == Reuse::LastAgain))
    }

    /// Explains why the recording does not answer a request: the nearest exchange, and how the request differs from it.
    fn explain_miss(&self, request: &RecordedRequest) -> String {
        let file = self.file.as_ref().map(ToString::to_string).unwrap_or_default();
        let exchanges = self.recording.exchanges.iter().enumerate();
        let nearest = exchanges.max_by_key(|(position, exchange)| exchange.request.fit(request, *position));
        let Some((position, exchange)) = nearest else { return format!("the recording {file} has no exchange") };
        let differences = exchange.request.differences(request);
        if differences.is_empty() {
            let fitting = self.recording.exchanges.iter().filter(|other| other.request.differences(request).is_empty());
            let times = in_times(u32::try_from(fitting.count()).unwrap_or(u32::MAX));
            return format!("the recording {file} answers this request {times}, and has already done so");
        }
        let (all, met) = (RecordedRequest::PARTS, RecordedRequest::PARTS - differences.len());
        let (number, operation) = (position + 1, exchange.request.operation());
        let noun = if met == 1 { "part is" } else { "parts are" };
        format!(
            "{met} of {all} {noun} as in exchange {number} of the recording {file}, {operation}:\n  {}",
            differences.join("\n  ")
        )
    }
}

/// The real service of a third party.
fn real_service(api: &str, url: Option<String>) -> Result<RealService, Error> {
    let Some(url) = url.filter(|url| !url.is_empty()) else {
        return Err(Error::new(format!(
            "cannot record {api}, because `real_url` of its `Api` returns no URL: let it return the URL of the real service, and set \
             the variable that it reads"
        )));
    };
    RealService::new(&url).map_err(|error| Error::new(format!("cannot record {api}: {}", redacted(&error))))
}
