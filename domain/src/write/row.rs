//! What the write path knows of each table: whose chain its changes stand in, which columns are personal, which entity
//! of the phones it belongs to.

use sea_orm::{EntityTrait, IntoActiveModel, ModelTrait};

use super::collector::Touched;
use crate::{
    act, alert, authority, calendar, call, catalogue, deadline, escalation, handover, ical,
    id::OrganizationId, job, journal::Subject, material, notification, paid, people, photo, place, privacy,
    rebooking, review, shift, stock, survey, ticket, track, visit, worktime,
};

/// What of a table the journal tells.
#[derive(Debug)]
pub struct Table {
    /// Name in the database.
    pub name: &'static str,
    /// How its columns are journaled.
    pub journaling: Journaling,
    /// The entity of the phones a change of it belongs to, for the documentation.
    pub entity: Option<crate::feed::EntityKind>,
}

/// How the columns of a table stand in the journal. A column that is in neither list stands there as it is; a test
/// demands that every free-text column is in `personal` or in `plain`.
#[derive(Debug)]
pub struct Journaling {
    /// Columns of text that say nothing about a person: codes, enums, numbers.
    pub plain: &'static [&'static str],
    /// Personal columns and free text: only a salted commitment stands in the chain.
    pub personal: &'static [&'static str],
    /// Columns that never stand in the journal: secrets, derived columns, versions.
    pub silent: &'static [&'static str],
}

/// A row that changes only through [`Tx`](super::Tx).
pub trait Row:
    ModelTrait
    + IntoActiveModel<<<Self as ModelTrait>::Entity as EntityTrait>::ActiveModel>
    + serde::Serialize
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The table of the row.
    const TABLE: &'static Table;

    /// The organization that owns the row.
    fn organization(&self) -> OrganizationId;

    /// The chain its changes stand in.
    fn subject(&self) -> Subject;

    /// Says what a change means to the phones: `before` is absent for a new row, `after` for one that is gone.
    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched);
}

/// Every table that changes through [`Tx`](super::Tx).
pub const TABLES: &[&Table] = &[
    people::organization::Model::TABLE,
    people::user::Model::TABLE,
    people::technician::Model::TABLE,
    people::served::Model::TABLE,
    people::resident::Model::TABLE,
    people::phone::Model::TABLE,
    people::account::Model::TABLE,
    people::device::Model::TABLE,
    place::building::Model::TABLE,
    place::premises::Model::TABLE,
    catalogue::request_type::Model::TABLE,
    catalogue::version::Model::TABLE,
    material::price::Model::TABLE,
    material::usage::Model::TABLE,
    paid::work::Model::TABLE,
    paid::line::Model::TABLE,
    paid::estimate::Model::TABLE,
    paid::payment::Model::TABLE,
    stock::place::Model::TABLE,
    stock::movement::Model::TABLE,
    ticket::row::Model::TABLE,
    ticket::comment::Model::TABLE,
    ticket::returned::Model::TABLE,
    call::row::Model::TABLE,
    authority::row::Model::TABLE,
    escalation::on_call_row::Model::TABLE,
    escalation::row::Model::TABLE,
    act::row::Model::TABLE,
    track::row::Model::TABLE,
    privacy::erasure::Model::TABLE,
    visit::row::Model::TABLE,
    visit::assignee::Model::TABLE,
    calendar::entry::Model::TABLE,
    photo::row::Model::TABLE,
    handover::link_row::Model::TABLE,
    handover::row::Model::TABLE,
    ical::row::Model::TABLE,
    deadline::row::Model::TABLE,
    deadline::policy::row::Model::TABLE,
    deadline::policy::version::Model::TABLE,
    alert::row::Model::TABLE,
    shift::template::Model::TABLE,
    shift::exception::Model::TABLE,
    shift::absence::Model::TABLE,
    rebooking::row::Model::TABLE,
    notification::row::Model::TABLE,
    notification::rule::row::Model::TABLE,
    notification::words::row::Model::TABLE,
    notification::preference::row::Model::TABLE,
    notification::mass::row::Model::TABLE,
    review::row::Model::TABLE,
    survey::row::Model::TABLE,
    survey::invitation::Model::TABLE,
    survey::answer_row::Model::TABLE,
    survey::silence_row::Model::TABLE,
    survey::reply_row::Model::TABLE,
    worktime::row::Model::TABLE,
    job::decision::Model::TABLE,
];

/// Tables outside the journal, each with the reason.
pub const UNJOURNALED: &[(&str, &str)] = &[
    (
        "resident_login",
        "a phone number shared by organizations; each membership is journaled by its own organization",
    ),
    ("technician_calendar", "the lock and the document version of a calendar whose entries are journaled"),
    ("slot_hold", "lives for two days; the entries it makes stand in the journals of the technicians"),
    ("visit_reschedule", "for people to read; what changed of the visit is journaled with the ticket"),
    ("token_family", "sign-ins are security records, kept by their own rows"),
    ("refresh_token", "sign-ins are security records, kept by their own rows"),
    ("one_time_code", "lives for ten minutes"),
    ("number_counter", "the numbers stand on the tickets"),
    ("deadline", "derived from the ticket and its policy; what fires is journaled"),
    ("ticket_technician", "derived from the visits by triggers"),
    ("ticket_doc", "derived by triggers: the rows of the index of words"),
    ("ticket_search", "derived by triggers: the index of words"),
    ("resident_doc", "derived by triggers: the rows of the index of words"),
    ("resident_search", "derived by triggers: the index of words"),
    ("search_tenant", "derived by triggers: tenants in the index of words"),
    ("price_version", "what stands in the journal of its item, kept for reading"),
    ("stock_balance", "the sum of the movements, which are journaled"),
    ("personal_read", "looks change nothing; a record of their own says why"),
    ("upload", "transport of bytes; the photo it fills is journaled"),
    ("upload_slice", "transport of bytes"),
    ("photo_preview", "derived from the photo; its state stands in the journal"),
    ("photo_hash", "derived from the photo; the doubt it raises stands in the journal"),
    ("blob", "which bytes are stored; the photo that names them is journaled"),
    ("notification_try", "what providers said; for people to read"),
    ("survey_technician", "derived from the crews of the visits, which are journaled"),
    ("event", "is the journal"),
    ("event_secret", "is the erasable side of the journal"),
    ("sync_feed", "derived by the write path"),
    ("sync_change", "derived by the write path"),
    ("sync_stream", "transport of acts; each act stands in the journal of what it changed"),
    ("sync_mutation", "what a phone sent, as it was sent; what it did is journaled, and so is what was held"),
    ("incarnation", "says which life of the database this is"),
    ("job", "work to do; its effects are journaled"),
    ("periodic", "when what runs every so often ran last and runs next; its effects are journaled"),
    ("idempotency_key", "answers, kept for 48 hours"),
    ("seaql_migrations", "the versions of the schema"),
];
