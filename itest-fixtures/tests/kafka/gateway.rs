//! A gateway in front of librdkafka's mock cluster. It answers the requests that the mock cluster does not have: creating and deleting topics, and the
//! administration of groups. So it shows what itest leaves on a cluster that other runs use, too.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use itest::prelude::*;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// The numbers of the requests that itest sends.
const KEYS: [i16; 14] = [0, 1, 2, 3, 9, 10, 15, 16, 17, 18, 19, 20, 36, 42];

/// A cluster that several runs use.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    mock: BaseProducer,
    upstream: String,
    port: u16,
    names: Mutex<Names>,
}

/// The names on the cluster.
#[derive(Debug, Default, Clone)]
pub(crate) struct Names {
    pub(crate) created: BTreeSet<String>,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
}

#[fixture]
async fn gateway(teardown: &Teardown) -> Result<Gateway> {
    let mock: BaseProducer = ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
    let upstream = mock.client().mock_cluster().ok_or("no mock cluster")?.bootstrap_servers();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let state = Arc::new(State { mock, upstream, port: address.port(), names: Mutex::default() });
    let served = Arc::clone(&state);
    let serving = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, Arc::clone(&served)));
        }
    });
    teardown.defer("stop the gateway", async move { serving.abort() });
    Ok(Gateway { address, state })
}

impl Gateway {
    pub(crate) fn url(&self) -> String {
        format!("kafka://{}", self.address)
    }

    pub(crate) fn names(&self) -> Names {
        self.state.names().clone()
    }
}

impl State {
    fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a client. Other clients than itest get what the mock cluster answers.
async fn serve(mut client: TcpStream, state: Arc<State>) -> Option<()> {
    let mut server = TcpStream::connect(&state.upstream).await.ok()?;
    loop {
        let request = frame(&mut client).await?;
        if !request.windows(7).any(|bytes| bytes == b"\0\x05itest") {
            send(&mut server, &request).await?;
            return copy_bidirectional(&mut client, &mut server).await.ok().map(drop);
        }
        let mut response = request.get(4..8)?.to_vec();
        if let Some(answer) = answer(&request, &state) {
            response.extend(answer);
        } else {
            send(&mut server, &request).await?;
            response = frame(&mut server).await?;
            replace_port(i16::from_be_bytes([request[0], request[1]]), &mut response, state.port);
        }
        send(&mut client, &response).await?;
    }
}

/// The answer of the gateway itself.
fn answer(request: &[u8], state: &State) -> Option<Vec<u8>> {
    let body = &request[15..];
    match i16::from_be_bytes([request[0], request[1]]) {
        10 => {
            state.names().groups.insert(string(body)?.0);
            None
        }
        15 => {
            let (group, _) = string(&body[4..])?;
            let members = [0, 0, 0, 1, 0, 1, b'm', 0, 1, b'c', 0, 1, b'h', 0, 0, 0, 0, 0, 0, 0, 0];
            Some([&[0; 4][..], &[0, 0, 0, 1, 0, 0], &with_length(&group), &[0, 0, 0, 0, 0, 0], &members].concat())
        }
        16 => {
            let groups: Vec<Vec<u8>> =
                state.names().groups.iter().map(|group| [with_length(group), vec![0, 0]].concat()).collect();
            Some([&[0; 6][..], &u32::try_from(groups.len()).ok()?.to_be_bytes(), &groups.concat()].concat())
        }
        18 => {
            let apis: Vec<u8> = KEYS.iter().flat_map(|key| [key.to_be_bytes(), [0, 0], [0, 9]].concat()).collect();
            Some([&[0, 0, 0, 0, 0, 14][..], &apis].concat())
        }
        19 => {
            let (topic, rest) = string(&body[4..])?;
            let partitions = i32::from_be_bytes(rest.first_chunk::<4>().copied()?);
            let code = match state.mock.client().mock_cluster()?.create_topic(&topic, partitions, 1) {
                Ok(()) if !topic.ends_with("refused") => 0_i16,
                _ => 44,
            };
            let mut names = state.names();
            names.created.insert(topic.clone());
            names.topics.insert(topic.clone());
            Some([&[0, 0, 0, 0, 0, 0, 0, 1][..], &with_length(&topic), &code.to_be_bytes(), &[255, 255]].concat())
        }
        20 | 42 => {
            let (mut rest, mut deleted) = (&body[4..], Vec::new());
            for _ in 0..body[3] {
                let (name, behind) = string(rest)?;
                state.names().topics.remove(&name);
                state.names().groups.remove(&name);
                deleted.push([with_length(&name), vec![0, 0]].concat());
                rest = behind;
            }
            Some([&[0; 4][..], &body[..4], &deleted.concat()].concat())
        }
        _ => None,
    }
}

/// Replaces the port of the mock cluster by that of the gateway: in the list of the brokers, and at the end of the answer that names a coordinator.
fn replace_port(key: i16, response: &mut [u8], port: u16) {
    let end = response.len();
    let place = match key {
        // After the numbers of the request, of the throttle time, of the brokers and of the broker, and the host.
        3 => 16 + 2 + usize::from(response[17]),
        10 => end - 4,
        _ => return,
    };
    response[place..place + 4].copy_from_slice(&u32::from(port).to_be_bytes());
}

fn string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((String::from_utf8_lossy(text).into_owned(), rest))
}

fn with_length(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap_or_default().to_be_bytes()[..], text.as_bytes()].concat()
}

async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut frame = vec![0; usize::try_from(stream.read_u32().await.ok()?).ok()?];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

async fn send(stream: &mut TcpStream, frame: &[u8]) -> Option<()> {
    let length = u32::try_from(frame.len()).ok()?.to_be_bytes();
    stream.write_all(&[&length[..], frame].concat()).await.ok()
}
