//! Typed identifiers: a `TicketId` and a `UserId` cannot be swapped.
//!
//! All identifiers are UUIDs of version 7 and may be made by the client before it has a network.

use uuid::Uuid;

use crate::{Clock, Code, Error, Result};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, sea_orm::DeriveValueType, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh identifier, ordered by the clock of the service.
            pub fn new(clock: &dyn Clock) -> Self {
                Self(new_uuid(clock))
            }

            /// An identifier made by a client: it must be a UUID of version 7.
            ///
            /// # Errors
            /// `invalid_field` naming `field` for any other UUID.
            pub fn from_client(uuid: Uuid, field: &str) -> Result<Self> {
                if uuid.get_version_num() == 7 {
                    Ok(Self(uuid))
                } else {
                    Err(Error::field(field, "an identifier made by the client must be a UUID of version 7"))
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Uuid::parse_str(text).map(Self).map_err(|_| Error::new(Code::NotFound, "no such identifier"))
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )*};
}

ids! {
    /// A tenant: a managing company or a contractor.
    OrganizationId,
    /// A member of staff.
    UserId,
    /// A technician: the same UUID as his user.
    TechnicianId,
    /// A resident's login, one for a phone number, whatever the number of organizations.
    LoginId,
    /// A resident's membership in one organization.
    ResidentId,
    /// A resident's account number with the organization.
    AccountId,
    /// A phone or tablet of a user.
    DeviceId,
    /// A building.
    BuildingId,
    /// A flat, shop or plant room in a building.
    PremisesId,
    /// A kind of work in the catalogue.
    RequestTypeId,
    /// A material in the price list.
    MaterialId,
    /// A ticket.
    TicketId,
    /// A visit of a crew for a ticket.
    VisitId,
    /// A comment on a ticket.
    CommentId,
    /// An entry in a technician's calendar.
    EntryId,
    /// A line of used material.
    UsageId,
    /// A photo linked to a ticket.
    PhotoId,
    /// An upload of bytes.
    UploadId,
    /// A background job.
    JobId,
    /// What somebody decided about a dead letter.
    JobDecisionId,
    /// A clock of a term.
    DeadlineId,
    /// A policy of terms.
    DeadlinePolicyId,
    /// An alert.
    AlertId,
    /// A logged call.
    CallId,
    /// A turn of duty.
    OnCallId,
    /// A notice to the local authority.
    AuthorityNoticeId,
    /// A family of refresh tokens: one sign-in.
    FamilyId,
    /// A weekly template of shifts.
    ShiftId,
    /// An exception to the shifts of a date.
    ShiftExceptionId,
    /// An absence, or a break outside the shifts' own.
    AbsenceId,
    /// A booking that lost its time.
    RebookingId,
    /// Something a person is to be told.
    NotificationId,
    /// A message to all who live in some buildings.
    MassNoticeId,
    /// An offer of a ticket to a contractor.
    HandoverId,
    /// The work of a managing company with a contractor.
    ContractorLinkId,
    /// A link by which a calendar elsewhere reads bookings.
    CalendarLinkId,
    /// A work in the price list.
    WorkId,
    /// A line of work that was done.
    WorkLineId,
    /// An estimate.
    EstimateId,
    /// A payment or a refund.
    PaymentId,
    /// A storeroom or a van.
    PlaceId,
    /// A movement of stock.
    MovementId,
    /// A return of work that was not accepted.
    ReturnId,
    /// An act of completed work.
    ActId,
    /// A link by which a ticket is followed without signing in.
    TrackId,
    /// Work of a phone that a person decides about.
    ReviewId,
    /// An occasion on which residents are asked about the quality.
    SurveyId,
    /// A person who is asked on it.
    InvitationId,
    /// A text message that somebody wrote back.
    SmsReplyId,
    /// The outgoing queue of an installation of the app.
    StreamId,
    /// An act recorded by a phone.
    MutationId,
}

/// A UUID of version 7 whose time comes from the clock of the service.
pub fn new_uuid(clock: &dyn Clock) -> Uuid {
    let now = clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}
