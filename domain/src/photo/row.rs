//! A photo linked to a ticket; its bytes may come later.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Time,
    blob::Sha256Hash,
    catalogue::PhotoKind,
    feed::EntityKind,
    id::{OrganizationId, PhotoId, ReviewId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touch, Touched},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "photo")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PhotoId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub visit_id: Option<VisitId>,
    pub kind: PhotoKind,
    pub state: PhotoState,
    pub refused_reason: Option<String>,
    pub sha256: Sha256Hash,
    pub bytes: i64,
    pub media_type: Option<String>,
    pub taken_at: Option<Time>,
    pub latitude_e7: Option<i64>,
    pub longitude_e7: Option<i64>,
    pub accuracy_m: Option<i64>,
    pub added_by: Uuid,
    pub added_at: Time,
    pub received_at: Option<Time>,
    pub preview: PreviewState,
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub exif_at: Option<Time>,
    pub exif_latitude_e7: Option<i64>,
    pub exif_longitude_e7: Option<i64>,
    pub camera: Option<String>,
    pub pair_of: Option<PhotoId>,
    pub flags: Option<Json>,
    pub flagged: bool,
    pub review_id: Option<ReviewId>,
    pub late_at: Option<Time>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "photo",
        journaling: Journaling {
            plain: &["kind", "state", "sha256", "media_type", "refused_reason", "preview", "flags"],
            personal: &[
                "latitude_e7",
                "longitude_e7",
                "accuracy_m",
                "exif_latitude_e7",
                "exif_longitude_e7",
                "camera",
            ],
            silent: &["flagged"],
        },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, row.ticket_id.0));
        }
    }
}

/// Where the bytes of a photo are.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PhotoState {
    /// Announced; not here yet.
    Expected,
    /// Here, of the announced hash.
    Received,
    /// Arrived and was no photo.
    Refused,
}

/// Whether there are small pictures of a photo.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PreviewState {
    /// There are none: it is no picture, it is not here, or nothing here understands it.
    None,
    /// They are being made.
    Pending,
    /// They are there.
    Ready,
}
