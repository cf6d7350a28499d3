//! What is underway on a connection to PostgreSQL. This is pure: messages in, events out.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use itest_runtime::__private::Exchange;
use itest_runtime::Fault;

use super::message::{Message, rows_of_tag, server_error, text};
use crate::proxy::recorder::{StatementError, StatementResult};

/// The most prepared statements whose texts are known. A client that prepares more probably leaks statements.
const MAX_PREPARED: usize = 10_000;

/// The statements that are underway on a connection, and what the client has prepared.
#[derive(Debug)]
pub(super) struct Session {
    prepared: HashMap<String, Arc<str>>,
    portals: HashMap<String, Arc<str>>,
    /// What the server has not answered yet, in order.
    pending: VecDeque<Pending>,
    /// Whether the connection is reset when the server is ready for the next statement.
    reset_at_ready: bool,
    /// Whether a transaction was open when the server was last ready.
    is_in_transaction: bool,
}

/// Something that the server answers.
#[derive(Debug)]
enum Pending {
    /// The beginning of the session.
    Startup(Exchange),
    /// A statement is parsed, or bound to its parameters.
    Preparation(Step, Arc<str>),
    /// The proxy has sent this step itself, so the client must not see its answer.
    OwnStep(Step),
    /// A portal is executed.
    Execution(Running),
    /// A text with one or more statements is executed.
    Query(Running),
    /// The client waits until the server is ready.
    Sync,
}

/// A step of the execution of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Parse,
    Bind,
    Execute,
}

/// A statement that the server executes.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) sql: Arc<str>,
    /// The exchange, which has no result yet.
    pub(super) exchange: Exchange,
    pub(super) fault: Option<Fault>,
    /// The rows of the commands that are complete.
    rows: u64,
    /// The rows that were sent to the client.
    sent_rows: u64,
    error: Option<StatementError>,
}

impl Running {
    pub(super) fn new(sql: Arc<str>, exchange: Exchange, fault: Option<Fault>) -> Self {
        Self { sql, exchange, fault, rows: 0, sent_rows: 0, error: None }
    }

    /// The error that the server has reported so far.
    pub(super) fn take_error(&mut self) -> Option<StatementError> {
        self.error.take()
    }
}

/// A statement whose result is known.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) running: Running,
    pub(super) result: StatementResult,
}

/// A message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromClient {
    /// The message executes a statement. The caller calls [`Session::begin`] when it has decided what happens to the statement.
    Statement(Arc<str>, Execution),
    /// The message executes nothing.
    Other,
}

/// How a statement is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Execution {
    /// By a text, in one message.
    Query,
    /// By a portal, which earlier messages have prepared.
    Portal,
}

/// What a message of the server means.
#[derive(Debug, Default)]
pub(super) struct FromServer {
    /// The statement that the message completes.
    pub(super) finished: Option<Finished>,
    /// The fault of the statement that the message answers.
    pub(super) fault: Option<Fault>,
    /// Whether the message answers something that the client has not sent.
    pub(super) is_hidden: bool,
    /// Whether the connection is reset after this message.
    pub(super) reset_after_message: bool,
    /// What the server has refused besides a statement that it executes.
    pub(super) refused: Option<Refused>,
    /// The statements that the server skips because of an error before them.
    pub(super) skipped: Vec<Running>,
}

/// Something that the server refuses, and that is not the execution of a statement.
#[derive(Debug)]
pub(super) enum Refused {
    /// The session, for example because the password is wrong.
    Session(Box<Exchange>, StatementError),
    /// A statement that the client has only prepared, or the implicit commit behind its statements.
    Statement(Arc<str>, StatementError),
}

impl Session {
    /// A session that begins. `startup` is the exchange of a session that the server refuses.
    pub(super) fn new(startup: Exchange) -> Self {
        let (prepared, portals) = (HashMap::new(), HashMap::new());
        Self {
            prepared,
            portals,
            pending: VecDeque::from([Pending::Startup(startup)]),
            reset_at_ready: false,
            is_in_transaction: false,
        }
    }

    /// Reads a message that the client has sent.
    pub(super) fn read_client(&mut self, message: &Message<'_>) -> FromClient {
        let payload = message.payload;
        match message.kind {
            b'Q' => return FromClient::Statement(Arc::from(text(payload).0), Execution::Query),
            b'F' => return FromClient::Statement(Arc::from("function call"), Execution::Query),
            b'P' => {
                let (name, rest) = text(payload);
                let sql: Arc<str> = Arc::from(text(rest).0);
                remember(&mut self.prepared, name, &sql);
                self.pending.push_back(Pending::Preparation(Step::Parse, sql));
            }
            b'B' => {
                let (portal, rest) = text(payload);
                let (statement, _) = text(rest);
                let sql = self.prepared.get(&statement).cloned().unwrap_or_else(unknown);
                remember(&mut self.portals, portal, &sql);
                self.pending.push_back(Pending::Preparation(Step::Bind, sql));
            }
            b'E' => {
                let (portal, _) = text(payload);
                let sql = self.portals.get(&portal).cloned().unwrap_or_else(unknown);
                return FromClient::Statement(sql, Execution::Portal);
            }
            b'C' => {
                let (kind, name) = payload.split_first().map_or((b'S', payload), |(kind, rest)| (*kind, rest));
                let closed = if kind == b'S' { &mut self.prepared } else { &mut self.portals };
                closed.remove(&text(name).0);
            }
            b'S' => self.pending.push_back(Pending::Sync),
            _ => {}
        }
        FromClient::Other
    }

    /// Adds a statement whose result is awaited.
    pub(super) fn begin(&mut self, running: Running, execution: Execution) {
        self.pending.push_back(match execution {
            Execution::Query => Pending::Query(running),
            Execution::Portal => Pending::Execution(running),
        });
    }

    /// Adds a step that the proxy sends and the client does not know.
    pub(super) fn begin_own(&mut self, step: Step) {
        self.pending.push_back(Pending::OwnStep(step));
    }

    /// Reads a message that the server has sent.
    pub(super) fn read_server(&mut self, message: &Message<'_>) -> FromServer {
        let mut event = FromServer::default();
        if let Some(Pending::Execution(running) | Pending::Query(running)) = self.pending.front_mut() {
            running.exchange.response_bytes += message.bytes;
            running.sent_rows += u64::from(message.kind == b'D');
            event.fault = running.fault;
        }
        match message.kind {
            b'1' => event.is_hidden = self.acknowledge(Step::Parse),
            b'2' => event.is_hidden = self.acknowledge(Step::Bind),
            b'C' | b'I' | b's' => self.complete(message, &mut event),
            b'E' => self.fail(server_error(message.payload), &mut event),
            // While rows are copied to it, the server ignores what waits for it to be ready.
            b'G' => self.pending.retain(|pending| !matches!(pending, Pending::Sync)),
            b'Z' => {
                self.is_in_transaction = message.payload.first().is_some_and(|status| *status != b'I');
                event.finished = self.be_ready();
            }
            _ => {}
        }
        if let Some(finished) = &event.finished {
            event.fault = finished.running.fault;
            self.reset_at_ready |= event.fault == Some(Fault::ResetAfter);
        }
        event.reset_after_message = message.kind == b'Z' && self.reset_at_ready;
        event
    }

    /// Whether the server waits for the next statement of a transaction.
    pub(super) fn is_idle_in_transaction(&self) -> bool {
        self.is_in_transaction && self.pending.is_empty()
    }

    /// Takes the statements whose results will not come, because the connection has ended.
    pub(super) fn take_unfinished(&mut self) -> Vec<Running> {
        self.pending.drain(..).filter_map(Pending::into_running).collect()
    }

    /// Removes an answered step. Returns whether the proxy had sent it itself.
    fn acknowledge(&mut self, step: Step) -> bool {
        let is_own = matches!(self.pending.front(), Some(Pending::OwnStep(first)) if *first == step);
        let is_first = matches!(self.pending.front(), Some(Pending::Preparation(first, _)) if *first == step);
        if is_own || is_first {
            self.pending.pop_front();
        }
        is_own
    }

    /// A command is complete. A query may consist of several commands, and ends when the server is ready.
    fn complete(&mut self, message: &Message<'_>, event: &mut FromServer) {
        let rows = rows_of_tag(&text(message.payload).0);
        match self.pending.pop_front() {
            Some(Pending::Query(running)) => {
                // The proxy has sent a rollback before the error of the fault, and the client does not know it.
                event.is_hidden = matches!(running.fault, Some(Fault::SqlState(_)));
                let running = Running { rows: running.rows + rows, ..running };
                self.pending.push_front(Pending::Query(running));
            }
            Some(Pending::Execution(running)) => {
                // A suspended portal has no tag.
                let rows = if message.kind == b's' { running.sent_rows } else { rows };
                event.finished = Some(Finished { running, result: Ok(rows) });
            }
            Some(Pending::OwnStep(Step::Execute)) => event.is_hidden = true,
            Some(other) => self.pending.push_front(other),
            None => {}
        }
    }

    /// The server reports an error. It skips what the client has sent until the next synchronization.
    fn fail(&mut self, error: StatementError, event: &mut FromServer) {
        match self.pending.pop_front() {
            Some(Pending::Query(running)) => {
                let running = Running { error: Some(error), ..running };
                self.pending.push_front(Pending::Query(running));
            }
            Some(Pending::Startup(exchange)) => event.refused = Some(Refused::Session(Box::new(exchange), error)),
            Some(Pending::Execution(running)) => {
                event.skipped = self.skip_to_sync();
                event.finished = Some(Finished { running, result: Err(error) });
            }
            // The failure belongs to the execution that the step prepares. A statement that is only prepared has none.
            Some(Pending::Preparation(_, sql)) => {
                event.skipped = self.skip_to_sync();
                if event.skipped.is_empty() {
                    event.refused = Some(Refused::Statement(sql, error));
                } else {
                    event.finished = Some(Finished { running: event.skipped.remove(0), result: Err(error) });
                }
            }
            Some(Pending::OwnStep(_)) => event.skipped = self.skip_to_sync(),
            // Statements outside of a transaction are committed when the client waits, and a deferred constraint may fail then.
            Some(Pending::Sync) => {
                self.pending.push_front(Pending::Sync);
                event.refused = Some(Refused::Statement(Arc::from("the implicit COMMIT"), error));
            }
            None => {}
        }
    }

    /// Removes what the server skips. Returns the executions among it.
    fn skip_to_sync(&mut self) -> Vec<Running> {
        let mut skipped = Vec::new();
        while let Some(pending) = self.pending.pop_front_if(|pending| !matches!(pending, Pending::Sync)) {
            skipped.extend(pending.into_running());
        }
        skipped
    }

    /// The server is ready for the next statement.
    fn be_ready(&mut self) -> Option<Finished> {
        match self.pending.pop_front()? {
            Pending::Query(mut running) => {
                let result = running.take_error().map_or(Ok(running.rows), Err);
                Some(Finished { running, result })
            }
            Pending::Startup(_) | Pending::Sync => None,
            other => {
                self.pending.push_front(other);
                None
            }
        }
    }
}

impl Pending {
    fn into_running(self) -> Option<Running> {
        match self {
            Self::Execution(running) | Self::Query(running) => Some(running),
            _ => None,
        }
    }
}

/// Stores the text of a statement or of a portal under its name. If there are too many names, the text is unknown.
fn remember(texts: &mut HashMap<String, Arc<str>>, name: String, sql: &Arc<str>) {
    if texts.len() < MAX_PREPARED || texts.contains_key(&name) {
        texts.insert(name, Arc::clone(sql));
    }
}

fn unknown() -> Arc<str> {
    Arc::from("a statement whose text is unknown")
}

#[cfg(test)]
mod tests {
    use itest_runtime::Phase;

    use super::*;

    fn exchange() -> Exchange {
        Exchange::new("postgres", "", Phase::Act)
    }

    /// A session that is ready for its first statement.
    fn session() -> Session {
        let mut session = Session::new(exchange());
        assert!(from_server(&mut session, b'R', b"").is_none());
        assert!(from_server(&mut session, b'Z', b"I").is_none());
        session
    }

    fn message(kind: u8, payload: &[u8]) -> Message<'_> {
        Message { kind, payload, bytes: 5 + payload.len() as u64 }
    }

    /// Sends messages. The server gets each statement.
    fn send(session: &mut Session, messages: &[(u8, &[u8])]) -> Vec<String> {
        let mut statements = Vec::new();
        for (kind, payload) in messages {
            if let FromClient::Statement(sql, execution) = session.read_client(&message(*kind, payload)) {
                statements.push(sql.to_string());
                session.begin(Running::new(sql, exchange(), None), execution);
            }
        }
        statements
    }

    /// The statement that a message completes, and its result.
    fn from_server(session: &mut Session, kind: u8, payload: &[u8]) -> Option<(String, Result<u64, String>)> {
        let finished = session.read_server(&message(kind, payload)).finished?;
        Some((finished.running.sql.to_string(), finished.result.map_err(|error| error.code)))
    }

    const ERROR: &[u8] = b"C23505\0Mtwice\0\0";

    #[test]
    fn prepared_statement_is_known_by_its_text_each_time() {
        let mut session = session();
        let sent = send(&mut session, &[(b'P', b"s1\0SELECT $1\0"), (b'D', b"Ss1\0"), (b'S', b"")]);
        assert!(sent.is_empty());
        for (kind, payload) in [(b'1', &b""[..]), (b't', b""), (b'T', b""), (b'Z', b"I")] {
            assert_eq!(from_server(&mut session, kind, payload), None);
        }
        for _ in 0..2 {
            let sent = send(&mut session, &[(b'B', b"\0s1\0"), (b'E', b"\0\0\0\0\0"), (b'S', b"")]);
            assert_eq!(sent, ["SELECT $1"]);
            assert_eq!(from_server(&mut session, b'2', b""), None);
            assert_eq!(from_server(&mut session, b'D', b""), None);
            assert_eq!(from_server(&mut session, b'C', b"SELECT 1\0"), Some(("SELECT $1".to_owned(), Ok(1))));
            assert_eq!(from_server(&mut session, b'Z', b"I"), None);
        }
    }

    #[test]
    fn several_commands_of_a_query_are_one_exchange() {
        let mut session = session();
        send(&mut session, &[(b'Q', b"UPDATE a; UPDATE b\0")]);
        assert_eq!(from_server(&mut session, b'C', b"UPDATE 2\0"), None);
        assert_eq!(from_server(&mut session, b'C', b"UPDATE 3\0"), None);
        assert_eq!(from_server(&mut session, b'Z', b"I"), Some(("UPDATE a; UPDATE b".to_owned(), Ok(5))));
    }

    #[test]
    fn error_belongs_to_the_statement_that_failed_and_the_rest_is_skipped() {
        let mut session = session();
        let pipeline: [(u8, &[u8]); 6] =
            [(b'P', b"\0INSERT 1\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'S', b"")];
        send(&mut session, &pipeline);
        from_server(&mut session, b'1', b"");
        from_server(&mut session, b'2', b"");
        let failed = Some(("INSERT 1".to_owned(), Err("23505".to_owned())));
        assert_eq!(from_server(&mut session, b'E', ERROR), failed);
        assert_eq!(from_server(&mut session, b'Z', b"I"), None);
        assert!(session.take_unfinished().is_empty());
    }

    #[test]
    fn error_while_a_statement_is_prepared_belongs_to_its_execution() {
        let mut session = session();
        send(&mut session, &[(b'P', b"\0SELEC\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'S', b"")]);
        assert_eq!(from_server(&mut session, b'E', ERROR), Some(("SELEC".to_owned(), Err("23505".to_owned()))));
        assert_eq!(from_server(&mut session, b'Z', b"I"), None);
    }

    /// The statement that a message refuses, and the code of its error.
    fn refused(session: &mut Session, kind: u8, payload: &[u8]) -> (String, String) {
        match session.read_server(&message(kind, payload)).refused {
            Some(Refused::Statement(sql, error)) => (sql.to_string(), error.code),
            Some(Refused::Session(_, error)) => ("the session".to_owned(), error.code),
            None => panic!("nothing is refused"),
        }
    }

    #[test]
    fn statement_that_is_only_prepared_is_refused() {
        let mut session = session();
        send(&mut session, &[(b'P', b"s1\0SELEC\0"), (b'D', b"Ss1\0"), (b'S', b"")]);
        assert_eq!(refused(&mut session, b'E', ERROR), ("SELEC".to_owned(), "23505".to_owned()));
    }

    #[test]
    fn deferred_constraint_fails_the_implicit_commit() {
        let mut session = session();
        send(&mut session, &[(b'P', b"\0INSERT 1\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'S', b"")]);
        for (kind, payload) in [(b'1', &b""[..]), (b'2', b""), (b'C', b"INSERT 0 1\0")] {
            from_server(&mut session, kind, payload);
        }
        assert_eq!(refused(&mut session, b'E', ERROR), ("the implicit COMMIT".to_owned(), "23505".to_owned()));
        assert_eq!(from_server(&mut session, b'Z', b"I"), None);
    }

    #[test]
    fn suspended_portal_counts_the_rows_that_were_sent() {
        let mut session = session();
        send(&mut session, &[(b'P', b"\0SELECT\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'S', b"")]);
        for kind in [b'1', b'2', b'D', b'D'] {
            from_server(&mut session, kind, b"");
        }
        assert_eq!(from_server(&mut session, b's', b""), Some(("SELECT".to_owned(), Ok(2))));
    }

    #[test]
    fn server_may_refuse_the_session() {
        let mut session = Session::new(exchange());
        let refused = refused(&mut session, b'E', b"C28P01\0Mwrong password\0\0");
        assert_eq!(refused, ("the session".to_owned(), "28P01".to_owned()));
    }

    #[test]
    fn step_of_the_proxy_is_hidden_from_the_client() {
        let mut session = session();
        session.begin_own(Step::Parse);
        session.begin_own(Step::Bind);
        send(&mut session, &[(b'S', b"")]);
        assert!(session.read_server(&message(b'1', b"")).is_hidden);
        assert!(session.read_server(&message(b'2', b"")).is_hidden);
        assert!(!session.read_server(&message(b'Z', b"I")).is_hidden);
    }

    #[test]
    fn reset_after_the_answer_waits_until_the_server_is_ready() {
        let mut session = session();
        session.begin(Running::new(Arc::from("COMMIT"), exchange(), Some(Fault::ResetAfter)), Execution::Query);
        assert!(!session.read_server(&message(b'C', b"COMMIT\0")).reset_after_message);
        assert!(session.read_server(&message(b'Z', b"I")).reset_after_message);
    }

    #[test]
    fn statement_without_a_result_is_unfinished() {
        let mut session = session();
        send(&mut session, &[(b'Q', b"SELECT pg_sleep(60)\0")]);
        let unfinished = session.take_unfinished();
        assert_eq!(unfinished.iter().map(|running| &*running.sql).collect::<Vec<_>>(), ["SELECT pg_sleep(60)"]);
    }
}
