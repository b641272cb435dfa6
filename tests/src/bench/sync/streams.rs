//! Open streams: what each costs the server, and how soon the last one of all is told.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use naryad_domain::auth::Role;
use naryad_tests::Engine;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::{sleep, timeout},
};

use super::crew::Desk;
use crate::{
    server::Site,
    table::{Measure, Table},
};

/// Streams that are wished for.
const STREAMS: usize = 5_000;
const TECHNICIANS: usize = 10;
/// Descriptors that each process needs besides.
const OTHERS: usize = 200;
/// How often everybody is told.
const TIMES: usize = 15;
/// Longer than any poke takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which stream was told, and when.
type Told = (usize, Instant);

pub(super) async fn measure(engine: Engine, table: &mut Table) {
    let count = possible();
    let site = Site::found(engine).await;
    let town = site.settle(TECHNICIANS, 1).await;
    let server = site.serve(&[]).await;
    let mut desk = Desk::open(&server, &site, &town, 0).await;
    let token = |who: usize| town.token_of(site.data(), town.technicians[who].0, Role::Technician);
    let tokens: Vec<String> = (0..TECHNICIANS).map(token).collect();
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut alone = Vec::with_capacity(TIMES + 1);
    for _ in 0..=TIMES {
        alone.push(write(&mut desk).await);
    }
    let mut memory = vec![server.memory()];
    eprintln!("{engine:?}: opening {count} streams");
    let streams = open_all(&server.address, &tokens, count).await;
    memory.push(server.memory());
    let listeners: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(number, stream)| tokio::spawn(listen(stream, number, tell.clone())))
        .collect();
    let mut measure = Measure::printed(engine, "write to the last poke", "write without streams");
    for (round, alone) in alone.into_iter().enumerate() {
        let last = poke(&mut desk, &mut told, count).await;
        if round > 0 {
            measure.note(last, alone);
        }
    }
    table.add(measure);
    memory.push(server.memory());
    describe(engine, count, &memory, table);
    for listener in listeners {
        listener.abort();
    }
    server.stop().await;
    site.close().await;
}

/// As many as the limit of open files lets this process, and the server that inherits it, have.
fn possible() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    limit.map_or(STREAMS, |limit| limit.saturating_sub(OTHERS).min(STREAMS))
}

/// Opens so many streams, by the tokens in turn.
async fn open_all(address: &str, tokens: &[String], count: usize) -> Vec<TcpStream> {
    let opening = (0..count).map(|number| open(address, &tokens[number % tokens.len()]));
    stream::iter(opening).buffer_unordered(32).collect().await
}

/// Opens a stream and waits until it stands.
async fn open(address: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server takes connections");
    let request =
        format!("GET /v1/sync/events HTTP/1.1\r\nhost: naryad\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server takes the request");
    let mut answer = Vec::with_capacity(1024);
    while !holds(&answer, b": open") {
        let read = stream.read_buf(&mut answer).await.expect("the server answers");
        assert!(read > 0, "a stream was answered {}", String::from_utf8_lossy(&answer));
    }
    stream
}

/// Reports every poke until the stream ends.
async fn listen(mut stream: TcpStream, number: usize, tell: UnboundedSender<Told>) {
    let mut bytes = [0; 512];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        if holds(&bytes[..read], b"event: ") && tell.send((number, Instant::now())).is_err() {
            return;
        }
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Changes the price list, which is on every phone, and says when that was answered.
async fn write(desk: &mut Desk) -> Duration {
    let begin = Instant::now();
    desk.material().await;
    begin.elapsed()
}

/// The same write with all streams open: when the last of them was told.
async fn poke(desk: &mut Desk, told: &mut UnboundedReceiver<Told>, count: usize) -> Duration {
    // What an earlier write set going is over.
    sleep(Duration::from_secs(1)).await;
    while told.try_recv().is_ok() {}
    let begin = Instant::now();
    write(desk).await;
    let (mut heard, mut last) = (BTreeSet::new(), begin);
    while heard.len() < count {
        let next = timeout(PATIENCE, told.recv()).await.ok().flatten();
        let (number, at) = next.unwrap_or_else(|| panic!("of {count} streams {} were told", heard.len()));
        heard.insert(number);
        last = last.max(at);
    }
    last - begin
}

/// Tells what each stream takes: by the memory before they were opened, when they stood, and when they had been poked.
fn describe(engine: Engine, count: usize, memory: &[Option<u64>], table: &mut Table) {
    let each = |after: usize| {
        let bytes = memory[after].zip(memory[0]).map(|(after, before)| after.saturating_sub(before) as f64);
        bytes.map_or("unknown".to_owned(), |bytes| format!("{:.1} KiB", bytes / count as f64 / 1024.0))
    };
    let fewer = if count < STREAMS { " (the limit of open files forbids more)" } else { "" };
    table.tell(
        engine,
        &format!("{count} open streams{fewer}: {} of memory each, {} after pokes", each(1), each(2)),
    );
}
