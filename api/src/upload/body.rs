//! The way of a body from the connection, which belongs to one thread, to the task that stores it, which does not.

use std::{io, pin::pin, time::Duration};

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use naryad_domain::blob::ByteStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// A connection from which nothing comes for so long is given up; what came is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Chunks between the connection and the store.
const CHUNKS: usize = 4;

/// A body ends by saying so: one that only stops coming has broken off.
enum Part {
    Chunk(Bytes),
    End,
}

/// The body as a stream that may go to another task, and the work that fills it. When that work is dropped, because the
/// client has hung up, the stream breaks off.
pub(super) fn bridge(payload: Payload, stop: CancellationToken) -> (ByteStream, impl Future<Output = ()>) {
    let (sender, receiver) = channel(CHUNKS);
    (Box::pin(received(receiver)), pump(payload, sender, stop))
}

fn received(receiver: Receiver<Part>) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Chunk(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Part::End) => None,
            None => Some((Err(io::ErrorKind::ConnectionAborted.into()), None)),
        }
    })
}

async fn pump(mut payload: Payload, sender: Sender<Part>, stop: CancellationToken) {
    loop {
        // At the shutdown too, what came is kept, and the client goes on at another node.
        let next = stop.run_until_cancelled(tokio::time::timeout(IDLE, payload.next())).await;
        let part = match next {
            Some(Ok(Some(Ok(bytes)))) => Part::Chunk(bytes),
            Some(Ok(None)) => Part::End,
            Some(Ok(Some(Err(_))) | Err(_)) | None => return,
        };
        let ended = matches!(part, Part::End);
        if sender.send(part).await.is_err() || ended {
            return;
        }
    }
}

/// Runs `work` to its end; meanwhile `pump` feeds it, for as long as there is something to feed.
pub(super) async fn while_pumping<T>(work: impl Future<Output = T>, pump: impl Future<Output = ()>) -> T {
    match select(pin!(work), pin!(pump)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}
