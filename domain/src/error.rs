//! Errors that know a code, a message for the user and the cause for the log, and nothing of HTTP.

use serde_json::{Map, Value};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($variant:ident $name:literal $title:literal, $remedy:literal;)*) => {
        /// The closed list of error codes. The name is stable; clients may match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {$(
            #[doc = $title]
            $variant,
        )*}

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name),* }
            }

            /// What happened, in one line.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }

            /// What the client can do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Code::$variant => $remedy),* }
            }
        }
    };
}

codes! {
    Malformed "malformed_request" "The request could not be read", "Send well-formed JSON with the documented content type.";
    InvalidField "invalid_field" "A field is not acceptable", "Mend the fields named in `errors`.";
    TokenMissing "token_missing" "No access token was sent", "Sign in and send `Authorization: Bearer ...`.";
    TokenInvalid "token_invalid" "The token is not valid", "Sign in again.";
    TokenExpired "token_expired" "The access token has expired", "Refresh it and try again.";
    TokenReused "token_reused" "A used refresh token came with another rotation id", "Every session of this sign-in was ended; sign in again.";
    BadCredentials "bad_credentials" "Login, password or code is wrong", "Check them and try again.";
    TooManyRequests "too_many_requests" "Too many requests", "Wait for the seconds in `Retry-After`.";
    Forbidden "forbidden" "Your role may not do this", "Ask a colleague whose role may.";
    NotFound "not_found" "There is no such thing, or you cannot see it", "Check the identifier.";
    MethodNotAllowed "method_not_allowed" "This address does not take this method", "See the documentation.";
    AlreadyExists "already_exists" "It already exists", "Use the existing one or choose another key.";
    VersionRequired "version_required" "If-Match is required", "Send the ETag you last received in `If-Match`.";
    VersionStale "version_stale" "Somebody changed it since you read it", "Read it again and repeat your change.";
    IdempotencyMismatch "idempotency_mismatch" "This idempotency key was used with another request", "Use a fresh key for a fresh request.";
    IllegalMove "illegal_move" "The ticket or visit is not in a state for this", "`legal` names the moves that are possible now.";
    SlotTaken "slot_taken" "The technician is busy at that time", "Choose another time or technician.";
    SlotUnavailable "slot_unavailable" "The time does not suit the technician or the work", "`reasons` says why; choose another time, or book it with `override_reason`.";
    ProposalStale "proposal_stale" "The calendar has changed since the proposal was made", "Look at the new `proposal` and confirm it.";
    HoldExpired "hold_expired" "The time is no longer kept", "Search again.";
    HoldUsed "hold_used" "The kept time was used already", "Read the ticket: it may be booked. A kept time is extended once.";
    DeadlineClosed "deadline_closed" "The clock of this term has ended", "Nothing can be changed; a returned ticket starts it again.";
    DisplacesBookings "displaces_bookings" "It would take the time of booked visits away", "Look at `displaces`; to do it nevertheless, send it again with the `confirm` of this answer.";
    HandoverOpen "handover_open" "The ticket is offered to you and not accepted yet", "Accept it first.";
    HandoverClosed "handover_closed" "The offer no longer stands", "`state` tells what became of it.";
    TextNotOfficial "text_not_official" "The text is not in the official style", "Remove the characters in `characters`, or take `mended`.";
    PreconditionRequired "precondition_required" "This kind of request has a precondition", "Tell it to the applicant and confirm it with `precondition_confirmed`.";
    EvidenceMissing "evidence_missing" "What this kind of work demands at closing is missing", "Add what `missing` lists.";
    EstimateNotAgreed "estimate_not_agreed" "The resident has not agreed to the estimate that stands", "Offer an estimate and note the resident's word first.";
    EstimateAnswered "estimate_answered" "The estimate has been answered, or another took its place", "Read the ticket; a change needs a new estimate.";
    EstimateExceeded "estimate_exceeded" "It comes to more than the resident agreed to", "Offer a new estimate over `total_minor` and note the resident's word.";
    StockShort "stock_short" "There is less in stock than that", "`available` says how much; receive or correct first.";
    ReturnTermOver "return_term_over" "The term of return is over", "Register a new ticket.";
    OffsetMismatch "offset_mismatch" "The upload stands at another offset", "Ask for the offset with HEAD and continue there.";
    UploadGone "upload_gone" "The upload has expired or was ended", "Start a new upload.";
    UnsupportedStore "unsupported_store" "The store takes nothing from clients", "Send the bytes to `/v1/uploads`.";
    TooLarge "too_large" "The body is over the limit", "Send less; `limit` tells how much.";
    UnsupportedMedia "unsupported_media" "This content type is not accepted", "Send the documented content type.";
    NotAPhoto "not_a_photo" "The bytes are not of a format that is accepted for this kind", "Send JPEG, PNG, WebP or HEIC; PDF for documents and acts; sound for voice notes.";
    PreviewPending "preview_pending" "The preview is being made", "Ask again in a few seconds, or take the original.";
    HashMismatch "hash_mismatch" "The bytes are not those of the announced SHA-256", "The upload stands at 0 again; send the bytes again.";
    TusVersion "tus_version" "This version of the upload protocol is not spoken here", "Send `Tus-Resumable: 1.0.0`.";
    ProtocolUnknown "protocol_unknown" "This version of the protocol is not spoken here", "Speak one of `supported`; the outgoing queue can be sent nevertheless.";
    ResyncRequired "resync_required" "The place in the feed cannot be gone on from", "Pull with `cursor: null`; `reason` says why. The outgoing queue and the photos are not touched by this.";
    ExpectedSeq "expected_seq" "The queue goes on at another number", "Send from `expected_seq` on; what was acknowledged is kept for this.";
    StreamForked "stream_forked" "Another phone has used this stream", "Begin a new stream, register it, and number what is not acknowledged anew; the ids of mutations stay.";
    StreamOfAnother "stream_of_another" "The stream is somebody else's, or is not registered", "Register a stream of your own with `POST /v1/devices`; deliver the old queue with its delivery key.";
    MutationIdReused "mutation_id_reused" "Another mutation has this identifier", "Give each mutation an identifier of its own.";
    UnknownType "unknown_type" "This kind of mutation is not known here", "Nothing: it is kept, and the dispatcher decides. Update the service.";
    SchemaUnknown "schema_unknown" "This schema is newer than the service", "Nothing: it is kept, and the dispatcher decides. Update the service.";
    NotAssigned "not_assigned" "The ticket is not in your hands", "Nothing: the work is kept, and the dispatcher decides.";
    FieldConflict "field_conflict" "Somebody gave the same field another value meanwhile", "Nothing: both values are kept, and the dispatcher decides.";
    UserInactive "user_inactive" "The one who sent it no longer works here", "Nothing: the work is kept, and the dispatcher decides.";
    JobNotDead "job_not_dead" "The job is not a dead letter", "Read the job: `state` tells what became of it.";
    JobWaits "job_waits" "The same work waits or runs already as another job", "Nothing: `job` names the one that does it; this one can be discarded.";
    NotificationSettled "notification_settled" "It is settled already", "Read it: `state` tells what became of it.";
    ReviewDecided "review_decided" "Somebody has decided already", "Read the review.";
    SurveyAnswered "survey_answered" "It has been answered", "Nothing: one answer is enough.";
    SurveyExpired "survey_expired" "The time to answer is over", "Nothing; a further question may come another time.";
    SurveyClosed "survey_closed" "It is not asked any more", "Nothing; a further question may come another time.";
    OutcomeUnknown "outcome_unknown" "The connection to the database broke while the change was being committed", "Repeat the request with the same Idempotency-Key: it tells whether the change stands.";
    Unavailable "unavailable" "The service cannot answer now", "Try again after the seconds in `Retry-After`.";
    Internal "internal" "Something went wrong on our side", "Tell us the request id.";
}

/// One field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field in the request, `a.b[2].c`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A failure: a code, a message for the user, extensions for the client, and the cause for the log.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    message: String,
    fields: Vec<FieldError>,
    details: Map<String, Value>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure with a message that a user may read.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            fields: Vec::new(),
            details: Map::new(),
            source: None,
        }))
    }

    /// `invalid_field` for one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let mut failure = Self::new(Code::InvalidField, format!("{}: {}", error.field, error.message));
        failure.0.fields.push(error);
        failure
    }

    /// `not_found` for something the scope cannot see; `what` is a noun.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("no such {what}"))
    }

    /// A failure on our side; the cause goes to the log, never to the user.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, Code::Internal.title()).caused_by(source)
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds a machine-readable extension member to the answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl serde::Serialize) -> Self {
        self.0.details.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message for the user.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields that are not acceptable.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// Extension members of the answer.
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
