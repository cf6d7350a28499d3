//! The login of a client (RFC 4954).

use std::io;

use base64ct::{Base64, Encoding as _};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};

use super::options::Credentials;
use super::smtp::{CommandLine, Reply, SmtpStream};

/// How a login has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    Accepted,
    /// The name or the password is not the right one.
    Refused {
        user: String,
    },
    /// The client sent something that is no login, and why.
    Invalid(&'static str),
}

/// Asks a client for its credentials. `initial` is what it has sent together with the command.
pub(super) async fn log_in(
    stream: &mut SmtpStream,
    mechanism: u64,
    initial: &str,
    expected: &Credentials,
) -> io::Result<Login> {
    let given = if mechanism == AUTH_PLAIN {
        let response = response(stream, "", initial).await?;
        response.and_then(|response| plain_credentials(&response))
    } else if mechanism == AUTH_LOGIN {
        let user = response(stream, "Username:", initial).await?;
        let password = if user.is_some() { response(stream, "Password:", "").await? } else { None };
        user.zip(password).map(|(user, password)| Credentials { user, password })
    } else {
        return Ok(Login::Invalid("the server announces AUTH PLAIN and AUTH LOGIN only"));
    };
    Ok(match given {
        None => Login::Invalid("the credentials are not well-formed"),
        Some(given) if given == *expected => Login::Accepted,
        Some(given) => Login::Refused { user: given.user },
    })
}

/// The response to a challenge, decoded. None if it is not well-formed, or if the client gives up.
async fn response(stream: &mut SmtpStream, challenge: &str, initial: &str) -> io::Result<Option<String>> {
    if !initial.is_empty() {
        return Ok(decoded(initial));
    }
    // A reply without a text has a space after its code.
    let encoded = if challenge.is_empty() { " ".to_owned() } else { Base64::encode_string(challenge.as_bytes()) };
    stream.send(&Reply::new(334, encoded)).await?;
    match stream.read_line().await? {
        CommandLine::Line(line) => Ok(std::str::from_utf8(&line).ok().and_then(|line| decoded(line.trim_end()))),
        CommandLine::Closed => Err(io::ErrorKind::UnexpectedEof.into()),
        CommandLine::Invalid(_) => Ok(None),
    }
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(Base64::decode_vec(text).ok()?).ok()
}

/// The name and the password of AUTH PLAIN (RFC 4616): an identity to act as, the name, and the password.
fn plain_credentials(response: &str) -> Option<Credentials> {
    let mut parts = response.split('\0').skip(1);
    let (user, password) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    parts.next().is_none().then_some(Credentials { user, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_plain_have_three_parts() {
        let expected = Some(Credentials { user: "shop".to_owned(), password: "s3cret".to_owned() });
        assert_eq!(plain_credentials("\0shop\0s3cret"), expected);
        assert_eq!(plain_credentials("ada\0shop\0s3cret"), expected);
        assert_eq!((plain_credentials("shop"), plain_credentials("\0a\0b\0c")), (None, None));
    }
}
