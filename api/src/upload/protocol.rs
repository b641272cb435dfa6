//! The headers of tus 1.0.

use std::future::{Ready, ready};

use actix_web::{
    Error as ActixError, FromRequest, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header, header::HeaderName, header::HeaderValue},
    middleware::Next,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use naryad_domain::{Code, Error, Result, Time, blob::Sha256Hash, id::PhotoId, photo::NewUpload};

use crate::problem::Problem;

/// The version of the protocol.
pub(super) const VERSION: &str = "1.0.0";

/// Its extensions that are spoken here.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";

/// The algorithm of checksums.
pub(super) const CHECKSUM: &str = "sha256";

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
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(unsupported());
    }
    text(request, "Upload-Checksum")?.map(checksum).transpose()
}

/// `sha256` and the Base64 of the hash. Another algorithm is a bad request, says the protocol.
fn checksum(value: &str) -> Result<Sha256Hash> {
    let malformed = |message: &str| Error::new(Code::Malformed, format!("Upload-Checksum: {message}"));
    let (algorithm, hash) = value.trim().split_once(' ').ok_or_else(|| malformed("algorithm and Base64"))?;
    if algorithm != CHECKSUM {
        return Err(malformed("the algorithm is sha256").with("algorithms", [CHECKSUM]));
    }
    let hash = STANDARD.decode(hash.trim()).ok().and_then(|hash| hash.try_into().ok());
    hash.map(Sha256Hash).ok_or_else(|| malformed("32 bytes in Base64"))
}

/// `photo_id` and `sha256` among pairs of a key and its value in Base64.
fn metadata(value: &str) -> Result<(PhotoId, Sha256Hash)> {
    let refused = |message: String| Error::field("Upload-Metadata", message);
    let (mut photo, mut sha256) = (None, None);
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let place = match key {
            "photo_id" => &mut photo,
            "sha256" => &mut sha256,
            _ => continue,
        };
        let bytes = STANDARD.decode(value.trim()).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| refused(format!("{key} is not text in Base64")))?;
        if place.replace(text).is_some() {
            return Err(refused(format!("{key} stands twice")));
        }
    }
    let missing = |key: &str| refused(format!("{key} is missing"));
    let photo = photo.ok_or_else(|| missing("photo_id"))?;
    let sha256 = sha256.ok_or_else(|| missing("sha256"))?;
    let photo = photo.parse().map_err(|_| refused("photo_id is no identifier".to_owned()))?;
    let sha256 = sha256.parse().map_err(|_| refused("sha256 is not 64 hexadecimal digits".to_owned()))?;
    Ok((photo, sha256))
}

fn text<'a>(request: &'a HttpRequest, name: &'static str) -> Result<Option<&'a str>> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| Error::field(name, "must be visible ASCII characters"))
}

fn number(request: &HttpRequest, name: &'static str) -> Result<u64> {
    let value = text(request, name)?.map(str::trim).unwrap_or_default();
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Error::field(name, "must be a number of bytes"));
    }
    // What is beyond any number we know is beyond every limit too.
    Ok(value.parse().unwrap_or(u64::MAX))
}

/// A time as HTTP writes it (RFC 9110, section 5.6.7).
pub(super) fn http_date(at: Time) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
