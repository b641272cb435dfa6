//! How the store is reached, and what its answers mean.

use std::{path::PathBuf, time::Duration};

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    presigning::PresigningConfig,
};
use naryad_domain::{Error, Result, blob::BlobError};

/// Where the bucket is, and who asks.
#[derive(Clone)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Address of the service; absent: that of AWS in the region.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// The bucket stands in the path, not in the name of the host.
    pub path_style: bool,
    /// What stands before every name: several houses may share a bucket.
    pub prefix: String,
}

impl std::fmt::Debug for S3Settings {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A store that does not take a connection in this time is down.
const CONNECT: Duration = Duration::from_secs(3);
/// Between two bytes of an answer.
const READ: Duration = Duration::from_secs(10);
/// One attempt at one request; 25 MiB at a mebibyte a second.
const ATTEMPT: Duration = Duration::from_secs(30);
/// A request with its repetitions.
const OPERATION: Duration = Duration::from_secs(45);
/// How often a request is tried.
const ATTEMPTS: u32 = 3;

impl S3Settings {
    pub(super) fn client(&self) -> Result<Client> {
        if self.bucket.is_empty() {
            return Err(Error::field("s3_bucket", "must not be empty"));
        }
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let keys = Credentials::new(&self.access_key_id, &self.secret_access_key, None, None, "naryad");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(keys)
            .force_path_style(self.path_style)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            // Ours go along where we say so; other checksums not every store knows.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(Client::from_conf(config.build()))
    }
}

/// The key as it was given, or from its file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn secret(given: Option<&String>, file: Option<&PathBuf>) -> Result<Option<String>> {
    match (given, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(path)) => {
            let read = std::fs::read_to_string(path);
            let unreadable = |cause| Error::internal(format!("{}: {cause}", path.display()));
            read.map(|text| Some(text.trim().to_owned())).map_err(unreadable)
        }
        (None, None) => Ok(None),
    }
}

/// How long a signature counts.
pub(super) fn signing(lasts: Duration) -> std::result::Result<PresigningConfig, BlobError> {
    PresigningConfig::expires_in(lasts).map_err(std::io::Error::other).map_err(BlobError::during("signing"))
}

/// What an answer of the store means.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such object.
    Absent,
    /// There is one already.
    Present,
    /// Another writes to the same name.
    Collision,
    /// The range begins behind the end.
    BehindTheEnd,
    /// Everything else: the store does not answer, or not well.
    Other(std::io::Error),
}

impl Failure {
    pub(super) fn during(self, doing: &'static str) -> BlobError {
        let cause = match self {
            Self::Other(cause) => cause,
            other => std::io::Error::other(format!("unexpected answer of the store: {other:?}")),
        };
        BlobError::during(doing)(cause)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the function of a map_err")]
pub(super) fn failure<E>(error: SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error.code()) {
        (Some(404), Some("NoSuchBucket")) => {}
        (Some(404), _) | (_, Some("NoSuchKey" | "NotFound")) => return Failure::Absent,
        (Some(412), _) => return Failure::Present,
        (Some(409), _) => return Failure::Collision,
        (Some(416), _) => return Failure::BehindTheEnd,
        _ => {}
    }
    Failure::Other(std::io::Error::other(DisplayErrorContext(&error).to_string()))
}
