//! A photo on its way: announced, sent in slices by tus 1.0, taken up again where the connection broke.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::StreamExt;
use naryad_domain::{Clock, Error, Result, catalogue::PhotoKind, id::new_uuid};
use reqwest::{
    Body, Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    person::Person,
    photos::Picture,
    reply::{Reply, unexpected},
    world::House,
};

/// How much of a photo a phone sends at once, at least.
const SLICE: usize = 48 * 1024;
/// In how many slices a photo is sent at most, if the connection holds.
const SLICES: usize = 8;

/// How long a phone is out of reach.
const MOMENT: Duration = Duration::from_millis(150);

/// What is photographed, and how the connection behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot<'a> {
    pub(super) ticket: &'a str,
    pub(super) visit: &'a str,
    pub(super) kind: PhotoKind,
    pub(super) house: &'a House,
    /// The connection breaks in the middle of the second slice.
    pub(super) breaks: bool,
}

/// How a photo arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) bytes: usize,
    pub(super) slices: usize,
    /// Where it went on after the connection had broken.
    pub(super) resumed_at: Option<usize>,
}

impl Arrived {
    /// How, for a Russian reader.
    pub(super) fn in_words(&self) -> String {
        let whole = format!("{} КиБ, частей: {}", self.bytes.div_ceil(1024), self.slices);
        match (self.slices, self.resumed_at) {
            (0, _) => format!("{} КиБ, такой снимок уже хранится", self.bytes.div_ceil(1024)),
            (_, None) => whole,
            (_, Some(at)) => format!("{whole}; связь оборвалась, дослано с байта {at}"),
        }
    }
}

/// Announces a photo and sends its bytes.
pub(super) async fn send(person: &Person, shot: Shot<'_>, picture: &Picture) -> Result<Arrived> {
    let (id, sha256) = (new_uuid(person.clock()), picture.sha256());
    let announced = person
        .post(
            &format!("/v1/tickets/{}/photos", shot.ticket),
            &json!({
                "photo_id": id, "kind": shot.kind, "sha256": hex::encode(sha256), "bytes": picture.bytes.len(),
                "visit_id": shot.visit, "taken_at": person.clock().now(),
                "position": { "latitude": shot.house.latitude, "longitude": shot.house.longitude, "accuracy_m": 12.0 },
            }),
        )
        .await?
        .ok(201)?;
    let mut arrived = Arrived { bytes: picture.bytes.len(), slices: 0, resumed_at: None };
    let kept = |photo: &Value| photo["id"] == json!(id) && photo["state"] == "received";
    if announced.list("/photos")?.iter().any(kept) {
        return Ok(arrived);
    }
    let metadata = format!(
        "photo_id {},sha256 {}",
        STANDARD.encode(id.to_string()),
        STANDARD.encode(hex::encode(sha256))
    );
    let length = picture.bytes.len().to_string();
    let headers = tus(&[("upload-length", &length), ("upload-metadata", &metadata)])?;
    let created = person.send(Method::POST, "/v1/uploads", headers, None).await?.ok(201)?;
    let path = path_of(created.header("location")?);
    let step = SLICE.max(picture.bytes.len().div_ceil(SLICES));
    let mut offset = 0;
    while offset < picture.bytes.len() {
        let end = picture.bytes.len().min(offset + step);
        let slice = Bytes::copy_from_slice(&picture.bytes[offset..end]);
        if shot.breaks && arrived.slices == 1 && arrived.resumed_at.is_none() {
            break_off(person, &path, offset, &slice).await?;
            let asked = person.send(Method::HEAD, &path, tus(&[])?, None).await?.ok(200)?;
            offset = offset_of(&asked)?;
            arrived.resumed_at = Some(offset);
            continue;
        }
        let checksum = format!("sha256 {}", STANDARD.encode(Sha256::digest(&slice)));
        let headers = slice_headers(offset, &[("upload-checksum", &checksum)])?;
        let taken = person.send(Method::PATCH, &path, headers, Some(slice.into())).await?.ok(204)?;
        offset = offset_of(&taken)?;
        arrived.slices += 1;
        if offset != end {
            return Err(unexpected(format!(
                "{path}: a slice that ends at {end} moved the offset to {offset}"
            )));
        }
    }
    Ok(arrived)
}

/// The phone goes down into the basement with half of the slice sent, and comes up again a moment later.
async fn break_off(person: &Person, path: &str, offset: usize, slice: &Bytes) -> Result<()> {
    let half = slice.slice(..slice.len() / 2);
    let lost = async {
        tokio::time::sleep(MOMENT).await;
        Err(std::io::Error::other("no network"))
    };
    let torn = futures_util::stream::once(async { Ok(half) }).chain(futures_util::stream::once(lost));
    let headers = slice_headers(offset, &[("content-length", &slice.len().to_string())])?;
    match person.send(Method::PATCH, path, headers, Some(Body::wrap_stream(torn))).await {
        Err(_) => {
            tokio::time::sleep(MOMENT).await;
            Ok(())
        }
        Ok(reply) => Err(reply.instead_of("a broken connection")),
    }
}

fn slice_headers(offset: usize, more: &[(&'static str, &str)]) -> Result<HeaderMap> {
    let mut headers = tus(more)?;
    headers.insert("content-type", HeaderValue::from_static("application/offset+octet-stream"));
    headers.insert("upload-offset", HeaderValue::from(offset));
    Ok(headers)
}

fn tus(more: &[(&'static str, &str)]) -> Result<HeaderMap> {
    let mut headers =
        HeaderMap::from_iter([(HeaderName::from_static("tus-resumable"), HeaderValue::from_static("1.0.0"))]);
    for (name, value) in more {
        headers.insert(*name, HeaderValue::from_str(value).map_err(Error::internal)?);
    }
    Ok(headers)
}

fn offset_of(reply: &Reply) -> Result<usize> {
    reply.header("upload-offset")?.parse().map_err(Error::internal)
}

/// The path of a `Location`, which may be a whole address.
fn path_of(location: &str) -> String {
    match location.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, path)) => format!("/{path}"),
        None => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_location_is_found() {
        assert_eq!(path_of("/v1/uploads/7"), "/v1/uploads/7");
        assert_eq!(path_of("http://127.0.0.1:80/v1/uploads/7"), "/v1/uploads/7");
    }
}
