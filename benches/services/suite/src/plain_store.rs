//! A store of objects in a worker: it checks no signature, and nothing cleans it. The time of a test with it is the lower bound for one with a bucket.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use itest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The objects by their paths.
type Objects = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// The endpoint of the store.
pub(crate) struct PlainStore {
    endpoint: String,
}

impl PlainStore {
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

#[fixture(scope = "worker")]
async fn plain_store(teardown: &Teardown) -> Result<PlainStore> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        let objects = Objects::default();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&objects)));
        }
    });
    teardown.defer("stop the store", async move { serving.abort() });
    Ok(PlainStore { endpoint })
}

/// Answers the requests of a connection.
async fn serve(stream: TcpStream, objects: Objects) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length, mut line) = (String::new(), 0, String::new());
        if stream.read_line(&mut first).await? == 0 {
            return Ok(());
        }
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let mut words = first.split([' ', '?']);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let answer = {
            let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
            match method {
                "PUT" => objects.insert(path, body).map(|_| Vec::new()).unwrap_or_default(),
                _ => objects.get(&path).cloned().unwrap_or_default(),
            }
        };
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len()).as_bytes()).await?;
        stream.write_all(&answer).await?;
    }
}
