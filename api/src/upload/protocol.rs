//! The headers of tus 1.0.

use std::future::{Ready, ready};

use actix_web::{
    Error as ActixError, FromRequest, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{CONTENT_ENCODING, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use naryad_domain::{Code, Error, Result, Time, blob::Sha256Hash, id::PhotoId, photo::NewUpload};

pub(super) use super::header::CHECKSUM;
use super::header::{self, ChecksumFault};
use crate::problem::Problem;

/// The version of the protocol.
pub(super) const VERSION: &str = "1.0.0";

/// Its extensions that are spoken here.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";

/// The content type of bytes.
pub(super) const MEDIA_TYPE: &str = "application/offset+octet-stream";

pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Speaks the protocol around its routes, problems included: names its version, and takes the method from
/// `X-HTTP-Method-Override` where a network lets only POST through.
pub(crate) async fn speak(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let path = request.path();
    if path != "/v1/uploads" && !path.starts_with("/v1/uploads/") {
        return next.call(request).await;
    }
    let meant = request.headers().get(OVERRIDE).and_then(|value| Method::from_bytes(value.as_bytes()).ok());
    if let Some(meant) = meant.filter(|_| request.method() == Method::POST) {
        request.head_mut().method = meant;
    }
    let mut response = next.call(request).await?;
    let version = HeaderValue::from_static(VERSION);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(HeaderName::from_static("tus-version"), version.clone());
    }
    response.headers_mut().insert(RESUMABLE, version);
    Ok(response)
}

/// The client speaks our version of the protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tus;

impl FromRequest for Tus {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ours = request.headers().get(RESUMABLE).is_some_and(|version| version == VERSION);
        ready(if ours {
            Ok(Self)
        } else {
            Err(Error::new(Code::TusVersion, Code::TusVersion.title()).into())
        })
    }
}

/// A request to create an upload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Creation {
    /// What is asked for.
    pub(super) upload: NewUpload,
    /// Whether the first bytes come along, and their checksum.
    pub(super) first_bytes: Option<Option<Sha256Hash>>,
}

impl FromRequest for Creation {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(creation(request).map_err(Problem))
    }
}

fn creation(request: &HttpRequest) -> Result<Creation> {
    let length = number(request, "Upload-Length")?;
    let (photo, sha256) = metadata(text(request, "Upload-Metadata")?.unwrap_or_default())?;
    let first_bytes = match content_type(request).as_str() {
        MEDIA_TYPE => Some(bytes(request)?),
        "" => None,
        _ => return Err(unsupported()),
    };
    Ok(Creation { upload: NewUpload { photo, sha256, length }, first_bytes })
}

/// A request to append bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// Where they belong.
    pub(super) offset: u64,
    /// Their hash, if the client sent it.
    pub(super) checksum: Option<Sha256Hash>,
}

impl FromRequest for Slice {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let slice = || {
            if content_type(request) != MEDIA_TYPE {
                return Err(unsupported());
            }
            Ok(Self { checksum: bytes(request)?, offset: number(request, "Upload-Offset")? })
        };
        ready(slice().map_err(Problem))
    }
}

/// The media type of the body, without parameters and in lower case.
pub(super) fn content_type(request: &HttpRequest) -> String {
    request.content_type().trim().to_ascii_lowercase()
}

fn unsupported() -> Error {
    Error::new(Code::UnsupportedMedia, format!("send {MEDIA_TYPE}, not compressed"))
        .with("accepted", [MEDIA_TYPE])
}

/// The checksum of a body of bytes, which is not compressed.
fn bytes(request: &HttpRequest) -> Result<Option<Sha256Hash>> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(unsupported());
    }
    text(request, "Upload-Checksum")?.map(checksum).transpose()
}

/// `sha256` and the Base64 of the hash. Another algorithm is a bad request, says the protocol.
fn checksum(value: &str) -> Result<Sha256Hash> {
    let malformed = |message: &str| Error::new(Code::Malformed, format!("Upload-Checksum: {message}"));
    header::checksum(value).map(Sha256Hash).map_err(|fault| match fault {
        ChecksumFault::Malformed => malformed("algorithm and Base64"),
        ChecksumFault::Algorithm => malformed("the algorithm is sha256").with("algorithms", [CHECKSUM]),
        ChecksumFault::Length => malformed("32 bytes in Base64"),
    })
}

/// `photo_id` and `sha256` among pairs of a key and its value in Base64.
fn metadata(value: &str) -> Result<(PhotoId, Sha256Hash)> {
    let refused = |message: String| Error::field("Upload-Metadata", message);
    let (photo, sha256) = header::metadata(value).map_err(refused)?;
    let photo = photo.parse().map_err(|_| refused("photo_id is no identifier".to_owned()))?;
    let sha256 = sha256.parse().map_err(|_| refused("sha256 is not 64 hexadecimal digits".to_owned()))?;
    Ok((photo, sha256))
}

fn text<'a>(request: &'a HttpRequest, name: &'static str) -> Result<Option<&'a str>> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| Error::field(name, "must be visible ASCII characters"))
}

fn number(request: &HttpRequest, name: &'static str) -> Result<u64> {
    let value = text(request, name)?.unwrap_or_default();
    header::number(value).ok_or_else(|| Error::field(name, "must be a number of bytes"))
}

/// A time as HTTP writes it (RFC 9110, section 5.6.7).
pub(super) fn http_date(at: Time) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
