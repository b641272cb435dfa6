//! What the caller of the client is told when something cannot be done.

use super::transport::TransportError;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store of the phone failed.
    #[error("the store of the phone: {0}")]
    Store(#[from] sqlx::Error),
    /// A file of a photo failed.
    #[error("a file of the phone: {0}")]
    File(#[from] std::io::Error),
    /// The store of the phone holds what it should not.
    #[error("the store of the phone holds what it should not: {0}")]
    Corrupt(String),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The arguments of an act are over [`super::MAX_ARGS_BYTES`], or those of a photo over [`super::MAX_PHOTO_BYTES`].
    #[error("{0} bytes are too many")]
    TooLarge(usize),
    /// The server was not reached, or its answer was not understood: try again later.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// The server said no, or that it cannot now.
    #[error("the server answered {} {}", .0.status, .0.code)]
    Problem(Problem),
}

/// An answer that is not what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; empty when the answer came from something between the phone and the server.
    pub code: String,
    /// The whole problem document.
    pub body: serde_json::Value,
    /// Seconds to wait, where the server said so.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A text among the details.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(serde_json::Value::as_str)
    }

    /// A number among the details.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.body.get(name).and_then(serde_json::Value::as_i64)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::Unreachable(error.0)
    }
}

impl Error {
    /// Whether the phone itself failed, not the network and not the server: then nothing more is tried.
    pub(super) fn is_local(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::Problem(_) | Self::NotSignedIn)
    }

    /// The problem, if the server answered with one.
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

/// The result of everything the client does.
pub type Result<T, E = Error> = std::result::Result<T, E>;
