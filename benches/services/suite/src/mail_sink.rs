//! A mail server of a worker that accepts every mail, and keeps none. The time of a test with it is the lower bound for one with a mailbox.

use std::io;

use itest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HOST: &str = "127.0.0.1";

/// The port of the server.
pub(crate) struct PlainMail {
    port: u16,
}

impl PlainMail {
    #[expect(clippy::unused_self, reason = "the tests use it as they use a mailbox")]
    pub(crate) fn host(&self) -> &str {
        HOST
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

#[fixture(scope = "worker")]
async fn plain_mail(teardown: &Teardown) -> Result<PlainMail> {
    let listener = TcpListener::bind((HOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    teardown.defer("stop the mail server", async move { serving.abort() });
    Ok(PlainMail { port })
}

/// Answers the commands of a connection.
async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let (mut line, mut in_message) = (String::new(), false);
    loop {
        line.clear();
        // As a mailbox does: otherwise a client that sends a mail in two parts waits 40 ms for the acknowledgement of the first one.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_quickack(stream.get_ref(), true)?;
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.trim_end() {
            "." if in_message => b"250 accepted\r\n",
            _ if in_message => continue,
            "DATA" => b"354 send it\r\n",
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        in_message = line.starts_with("DATA");
        stream.write_all(reply).await?;
    }
}
