//! What a mail server answers to each command. The module does not use the connection.

use std::borrow::Cow;

use smtp_proto::{Error as SyntaxError, MAIL_SMTPUTF8, MailFrom, Request};

use super::envelope::Envelope;
use super::options::{MailSecurity, MailServerOptions};
use super::smtp::Reply;

/// The most recipients of a mail (RFC 5321, section 4.5.3.1.8, asks for at least 100).
const MAX_RECIPIENTS: usize = 1_000;

/// What follows a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Reply(Reply),
    /// The server refuses the command. The reason is part of the reply, and of the failure of the test.
    Refusal(Reply, String),
    /// The message of this envelope follows.
    Message(Envelope),
    /// The credentials of a login follow.
    Login {
        mechanism: u64,
        initial: String,
    },
    /// The handshake of TLS follows.
    StartTls,
    Quit,
}

impl Answer {
    /// A refusal: its code, its enhanced code (RFC 3463) and its reason.
    pub(super) fn refusal(code: u16, enhanced: &str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Refusal(Reply::new(code, format!("{enhanced} {reason}")), reason)
    }
}

/// The state of a session.
#[derive(Debug)]
pub(super) struct Session<'o> {
    options: &'o MailServerOptions,
    has_greeted: bool,
    is_secure: bool,
    is_logged_in: bool,
    envelope: Option<Envelope>,
}

impl<'o> Session<'o> {
    pub(super) fn new(options: &'o MailServerOptions) -> Self {
        Self { options, has_greeted: false, is_secure: false, is_logged_in: false, envelope: None }
    }

    /// The client uses TLS from now on. It has to begin again (RFC 3207, section 4.2).
    pub(super) fn secured(&mut self) {
        *self = Self { is_secure: true, ..Self::new(self.options) };
    }

    /// The client has logged in.
    pub(super) fn logged_in(&mut self) {
        self.is_logged_in = true;
    }

    /// Whether the client has begun a mail, and has not sent its message yet.
    pub(super) fn has_begun_mail(&self) -> bool {
        self.envelope.is_some()
    }

    /// Answers a line, which ends with CR and LF.
    pub(super) fn answer(&mut self, line: &[u8]) -> Answer {
        match Request::parse(&mut line.iter()) {
            Ok(request) => self.answer_request(request),
            Err(error) => refused_syntax(&error),
        }
    }

    fn answer_request(&mut self, request: Request<Cow<'_, str>>) -> Answer {
        match request {
            Request::Ehlo { .. } => {
                self.greet();
                Answer::Reply(Reply::new(250, self.capabilities()))
            }
            Request::Helo { .. } => {
                self.greet();
                Answer::Reply(Reply::new(250, "itest"))
            }
            Request::StartTls => self.answer_starttls(),
            Request::Auth { mechanism, initial_response } => self.answer_auth(mechanism, initial_response.into_owned()),
            Request::Mail { from } => self.answer_mail(&from),
            Request::Rcpt { to } => self.answer_rcpt(&to.address),
            Request::Data => match self.envelope.take_if(|envelope| !envelope.recipients.is_empty()) {
                Some(envelope) => Answer::Message(envelope),
                None => Answer::refusal(503, "5.5.1", "RCPT comes before DATA"),
            },
            Request::Rset => {
                self.envelope = None;
                Answer::Reply(Reply::new(250, "2.0.0 the mail is discarded"))
            }
            Request::Noop { .. } => Answer::Reply(Reply::new(250, "2.0.0 nothing is done")),
            Request::Vrfy { .. } => Answer::Reply(Reply::new(252, "2.1.5 the address is not checked")),
            Request::Quit => Answer::Quit,
            other => Answer::refusal(502, "5.5.1", format!("the server does not announce {}", other.name())),
        }
    }

    fn greet(&mut self) {
        self.has_greeted = true;
        self.envelope = None;
    }

    /// Whether the client has to begin TLS first.
    fn lacks_tls(&self) -> bool {
        self.options.security == MailSecurity::StartTls && !self.is_secure
    }

    fn capabilities(&self) -> String {
        let mut capabilities = "itest\nPIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\n".to_owned();
        if self.lacks_tls() {
            capabilities += "STARTTLS\n";
        } else if self.options.credentials.is_some() {
            capabilities += "AUTH PLAIN LOGIN\n";
        }
        capabilities + &format!("SIZE {}", self.options.max_bytes)
    }

    fn answer_starttls(&self) -> Answer {
        if self.lacks_tls() {
            return Answer::StartTls;
        }
        let reason =
            if self.is_secure { "the client uses TLS already" } else { "the server does not announce STARTTLS" };
        Answer::refusal(503, "5.5.1", reason)
    }

    fn answer_auth(&self, mechanism: u64, initial: String) -> Answer {
        if !self.has_greeted {
            return Answer::refusal(503, "5.5.1", "EHLO comes before AUTH");
        }
        if self.options.credentials.is_none() {
            return Answer::refusal(503, "5.5.1", "the server requires no login and does not announce AUTH");
        }
        if self.lacks_tls() {
            return Answer::refusal(530, "5.7.0", "the client must send STARTTLS before it sends a password");
        }
        if self.is_logged_in {
            return Answer::refusal(503, "5.5.1", "the client has logged in already");
        }
        Answer::Login { mechanism, initial }
    }

    fn answer_mail(&mut self, from: &MailFrom<Cow<'_, str>>) -> Answer {
        let max_bytes = self.options.max_bytes;
        if !self.has_greeted {
            return Answer::refusal(503, "5.5.1", "EHLO comes before MAIL");
        }
        if self.lacks_tls() {
            return Answer::refusal(530, "5.7.0", "the client must send STARTTLS before a mail");
        }
        if self.options.credentials.is_some() && !self.is_logged_in {
            return Answer::refusal(530, "5.7.0", "the client must log in before it sends a mail");
        }
        if self.envelope.is_some() {
            return Answer::refusal(503, "5.5.1", "an earlier mail has not ended");
        }
        if from.size > max_bytes {
            let reason = format!("the mail has {} bytes, and the limit is {max_bytes}", from.size);
            return Answer::refusal(552, "5.3.4", reason);
        }
        if !from.address.is_ascii() && from.flags & MAIL_SMTPUTF8 == 0 {
            return Answer::refusal(553, "5.6.7", "an address that is not ASCII needs the parameter SMTPUTF8");
        }
        self.envelope = Some(Envelope { sender: from.address.to_string(), recipients: Vec::new() });
        Answer::Reply(Reply::new(250, "2.1.0 the sender is accepted"))
    }

    fn answer_rcpt(&mut self, address: &str) -> Answer {
        let Some(envelope) = &mut self.envelope else {
            return Answer::refusal(503, "5.5.1", "MAIL comes before RCPT");
        };
        if address.is_empty() {
            return Answer::refusal(553, "5.1.3", "the recipient has no domain");
        }
        if envelope.recipients.len() == MAX_RECIPIENTS {
            return Answer::refusal(452, "4.5.3", format!("a mail has at most {MAX_RECIPIENTS} recipients"));
        }
        envelope.recipients.push(address.to_owned());
        Answer::Reply(Reply::new(250, "2.1.5 the recipient is accepted"))
    }
}

fn refused_syntax(error: &SyntaxError) -> Answer {
    match error {
        SyntaxError::InvalidSenderAddress => Answer::refusal(553, "5.1.7", "the sender is no address"),
        SyntaxError::InvalidRecipientAddress => Answer::refusal(553, "5.1.3", "the recipient is no address"),
        SyntaxError::SyntaxError { syntax } => Answer::refusal(501, "5.5.4", format!("the syntax is {syntax}")),
        SyntaxError::InvalidParameter { param } => {
            Answer::refusal(501, "5.5.4", format!("the parameter {param} is not well-formed"))
        }
        SyntaxError::UnsupportedParameter { .. } => Answer::refusal(555, "5.5.4", "a parameter is not announced"),
        _ => Answer::refusal(500, "5.5.2", "the line is no command of SMTP"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The code of the reply to the last of these lines.
    fn last_code(options: &MailServerOptions, lines: &[&str]) -> u16 {
        let mut session = Session::new(options);
        let answers = lines.iter().map(|line| session.answer(format!("{line}\r\n").as_bytes()));
        match answers.last().unwrap() {
            Answer::Reply(reply) | Answer::Refusal(reply, _) => reply.code(),
            Answer::Message(_) => 354,
            Answer::Login { .. } => 334,
            Answer::StartTls => 220,
            Answer::Quit => 221,
        }
    }

    #[test]
    fn commands_in_the_wrong_order_are_refused() {
        let options = MailServerOptions::new();
        let mail = "MAIL FROM:<a@b>";
        for (lines, code) in [
            (&[mail][..], 503),
            (&["EHLO x", "RCPT TO:<a@b>"], 503),
            (&["EHLO x", "DATA"], 503),
            (&["EHLO x", mail, "DATA"], 503),
            (&["EHLO x", mail, mail], 503),
            (&["EHLO x", mail, "RSET", "RCPT TO:<a@b>"], 503),
            (&["EHLO x", mail, "EHLO x", "RCPT TO:<a@b>"], 503),
            (&["EHLO x", "STARTTLS"], 503),
            (&["EHLO x", "AUTH PLAIN"], 503),
            (&["EHLO x", "BDAT 4 LAST"], 502),
            (&["EHLO x", mail, "RCPT TO:<>"], 553),
            (&["GET / HTTP/1.1"], 500),
            (&[""], 500),
            (&["EHLO x", mail, "RCPT TO:<a@b>", "DATA"], 354),
            (&["HELO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA"], 354),
        ] {
            assert_eq!(last_code(&options, lines), code, "{lines:?}");
        }
    }

    #[test]
    fn mail_without_tls_or_login_is_refused_if_the_server_requires_them() {
        let options = MailServerOptions::new().login("shop", "s3cret");
        assert_eq!(last_code(&options, &["EHLO x", "MAIL FROM:<a@b>"]), 530);
        assert_eq!(last_code(&options, &["EHLO x", "AUTH PLAIN"]), 334);
        let options = options.starttls();
        assert_eq!(last_code(&options, &["EHLO x", "AUTH PLAIN"]), 530);
        assert_eq!(last_code(&options, &["EHLO x", "STARTTLS"]), 220);
        let mut session = Session::new(&options);
        session.secured();
        assert!(!session.capabilities().contains("STARTTLS") && session.capabilities().contains("AUTH"));
    }

    #[test]
    fn announced_size_and_unannounced_characters_are_checked() {
        let options = MailServerOptions::new().max_bytes(100);
        assert_eq!(last_code(&options, &["EHLO x", "MAIL FROM:<a@b> SIZE=101"]), 552);
        assert_eq!(last_code(&options, &["EHLO x", "MAIL FROM:<a@b> SIZE=100 BODY=8BITMIME"]), 250);
        assert_eq!(last_code(&options, &["EHLO x", "MAIL FROM:<é@b>"]), 553);
        assert_eq!(last_code(&options, &["EHLO x", "MAIL FROM:<é@b> SMTPUTF8"]), 250);
    }

    proptest! {
        #[test]
        fn any_line_is_answered(line in "[ -~é]{0,60}") {
            let options = MailServerOptions::new();
            let mut session = Session::new(&options);
            session.answer(format!("{line}\r\n").as_bytes());
        }
    }
}
