//! What can fail in a blob store.

use super::Sha256Hash;
use crate::{Code, Error, id::OrganizationId};

/// A failure of the blob store.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The store could not be read or written: disk full, no permission, no network to it.
    #[error("the blob store failed while {doing}")]
    Io {
        /// What it was doing, for the log.
        doing: &'static str,
        /// Why it could not.
        #[source]
        source: std::io::Error,
    },
    /// A body was longer than it may be. Nothing of it was kept.
    #[error("the body is longer than {limit} bytes")]
    TooMuch {
        /// The most that was allowed, in bytes.
        limit: u64,
    },
    /// An object under this hash has another length than the content has: the store was damaged from outside.
    /// It was left as it is.
    #[error("the stored object {organization}/{sha256} has {actual} bytes instead of {expected}")]
    Damaged {
        /// Whose object.
        organization: OrganizationId,
        /// Which object.
        sha256: Sha256Hash,
        /// The length of the verified content, in bytes.
        expected: u64,
        /// The length of the stored object, in bytes.
        actual: u64,
    },
    /// The name of a note is not acceptable.
    #[error("a note is named by 1 to 64 of a-z, 0-9 and '-', not by {0:?}")]
    NoteName(String),
}

impl BlobError {
    /// The content that was handed over does not have the hash under which it was to be kept.
    pub fn wrong_hash() -> Self {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "the content has another hash");
        Self::Io { doing: "publishing content", source }
    }

    /// For `map_err`: keeps the cause and says what was going on.
    pub fn during(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Io { .. } => {
                Self::new(Code::Unavailable, "the store of photos does not answer now").caused_by(error)
            }
            BlobError::TooMuch { limit } => {
                Self::new(Code::TooLarge, format!("no more than {limit} bytes are accepted"))
                    .with("limit", limit)
            }
            BlobError::Damaged { .. } | BlobError::NoteName(_) => Self::internal(error),
        }
    }
}
