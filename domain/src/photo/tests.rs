//! Stories of photos and their uploads.

mod add;
mod early;
mod examine;
mod orphans;
mod races;
mod upload;

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::{
    AddPhotoArgs, NewUpload, PhotoDocument, Progress, Size, find, fixture::House, of_ticket, open, pending,
    row::Model,
};
use crate::{
    Code, Result, Scope,
    blob::{ByteStream, contract},
    id::PhotoId,
};

/// A JPEG by its first bytes, as long as asked for.
fn jpeg(seed: u64, length: u64) -> Bytes {
    [b"\xff\xd8\xff\xe0".as_slice(), &contract::noise(seed, length - 4)].concat().into()
}

/// A body of these bytes.
fn body(bytes: &[u8]) -> ByteStream {
    contract::body(&Bytes::copy_from_slice(bytes), 1000)
}

/// A body that breaks off after these bytes.
fn cut(bytes: &[u8]) -> ByteStream {
    contract::cut(&Bytes::copy_from_slice(bytes), 1000)
}

/// A body whose chunks the story hands over one by one. The second is taken over only when the first is being received.
fn by_hand() -> (mpsc::Sender<io::Result<Bytes>>, ByteStream) {
    let (sender, receiver) = mpsc::channel(1);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    (sender, Box::pin(stream))
}

fn new(args: &AddPhotoArgs) -> NewUpload {
    NewUpload { photo: args.photo_id, sha256: args.sha256, length: args.bytes }
}

/// Announces the bytes in the name of `scope` and starts their upload.
async fn begin(house: &House, scope: Scope, bytes: &[u8]) -> (AddPhotoArgs, Progress) {
    let args = house.args(bytes);
    house.add(scope, &args).await.unwrap();
    let upload = house.transfers.create(scope, new(&args)).await.unwrap();
    (args, upload)
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    result.unwrap_err().code()
}

async fn document(house: &House, scope: Scope, id: PhotoId) -> PhotoDocument {
    let photos = of_ticket(&house.db.reader(), &scope, house.ticket).await.unwrap();
    photos.into_iter().find(|photo| photo.id == id).unwrap()
}

/// How many photos of the ticket are announced and not here.
async fn still_to_come(house: &House) -> u32 {
    pending(&of_ticket(&house.db.reader(), &house.desk, house.ticket).await.unwrap())
}

/// The bytes as they are served to the scope.
async fn served(house: &House, scope: Scope, id: PhotoId) -> Result<Vec<u8>> {
    let photo = find(&house.db.reader(), &scope, id, Size::Original).await?;
    let mut read = open(&**house.transfers.blobs(), &photo, None).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = read.stream.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    Ok(bytes)
}

/// Whether the store has slices of any upload.
async fn has_slices(house: &House) -> bool {
    !house.transfers.blobs().list_uploads(None, 10).await.unwrap().is_empty()
}

async fn rows(house: &House, table: &str) -> i64 {
    #[derive(sea_orm::FromQueryResult)]
    struct Count {
        rows: i64,
    }
    let sql = format!("SELECT COUNT(*) AS rows FROM {table}");
    house.db.reader().one::<Count>(&sql, []).await.unwrap().unwrap().rows
}

/// How often the act stands in the journal.
async fn told(house: &House, act: &str) -> i64 {
    rows(house, &format!("event WHERE act = '{act}'")).await
}

fn is_received(photo: &Model) -> bool {
    photo.state == super::PhotoState::Received
}
