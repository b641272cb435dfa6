//! Makes an act from what the ticket says now, and keeps it.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures_util::TryStreamExt as _;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    paper::{Paper, PaperLine, Signature},
    row::{Column, Entity, Model},
    words::roubles,
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    blob::{BlobError, BlobKey, Blobs, Sha256Hash},
    catalogue::PhotoKind,
    db::{Db, Reader},
    id::{ActId, PhotoId, TicketId},
    material::Quantity,
    people::organization,
    photo::{self, Content, PreviewState, Size, content::Format},
    ticket::{self, Status, TicketDocument},
    write::{Act, Tx},
};

/// An act of completed work.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ActDocument {
    /// Identifier.
    pub id: ActId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its number on the ticket, from 1: what changed afterwards makes a new one.
    pub number: i64,
    /// The SHA-256 of the PDF, as it stands in the journal.
    pub sha256: Sha256Hash,
    /// The length of the PDF, in bytes.
    pub bytes: i64,
    /// What it comes to, in kopecks.
    pub total_minor: i64,
    /// Whether the resident's signature stands in it.
    pub signed_resident: bool,
    /// Whether the crew's signature stands in it.
    pub signed_crew: bool,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl From<Model> for ActDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            ticket_id: row.ticket_id,
            number: row.number,
            sha256: row.sha256,
            bytes: row.bytes,
            total_minor: row.total_minor,
            signed_resident: row.signed_resident,
            signed_crew: row.signed_crew,
            made_at: row.made_at,
        }
    }
}

/// How often an act is begun anew because its ticket changed meanwhile.
const ATTEMPTS: u32 = 5;

/// Makes the act of a ticket whose work was begun, and keeps it. Where nothing has changed since the last one, that one
/// stands.
///
/// # Errors
/// `not_found` when the ticket is out of sight, `forbidden` for residents, `unavailable` when the store does not answer
/// or the ticket does not come to rest.
pub async fn make(db: &Db, blobs: &Arc<dyn Blobs>, scope: Scope, ticket: TicketId) -> Result<ActDocument> {
    for _ in 0..ATTEMPTS {
        let document = ticket::document(&db.reader(), &scope, ticket).await?;
        scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin])?;
        begun(&document)?;
        let printed = print(&db.reader(), &**blobs, &scope, &document).await?;
        let (sha256, bytes) = (Sha256Hash::of(&printed.pdf), printed.pdf.len());
        blobs.put(document.organization_id, &sha256, printed.pdf).await?;
        let act = Make {
            ticket,
            doc_version: document.doc_version,
            sha256,
            bytes: i64::try_from(bytes).map_err(Error::internal)?,
            total_minor: document.total.total_minor,
            signed_resident: printed.signed_resident,
            signed_crew: printed.signed_crew,
            blobs: Arc::clone(blobs),
        };
        if let Some(made) = db.write(scope, act).await? {
            return Ok(made);
        }
    }
    Err(Error::new(Code::Unavailable, "the ticket changes all the time; try again"))
}

/// Passes tickets whose work was begun.
fn begun(document: &TicketDocument) -> Result<()> {
    let begun = matches!(document.status, Status::InProgress | Status::Completed | Status::Closed)
        || document.visits.iter().any(|visit| visit.started_at.is_some());
    if begun {
        return Ok(());
    }
    Err(Error::new(Code::IllegalMove, "no work was begun that an act could tell of")
        .with("status", document.status)
        .with("legal", &document.legal_moves))
}

/// The last act of a ticket, as content to be served.
///
/// # Errors
/// `not_found` when the ticket is out of sight, or there is no act of it.
pub async fn latest(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<Content> {
    let ticket = ticket::find(reader, scope, ticket).await?;
    let act = last(reader, ticket.id).await?.ok_or_else(|| Error::not_found("act"))?;
    let key = BlobKey { organization: act.organization_id, sha256: act.sha256 };
    let name = format!("act-{}-{}", ticket.number, act.number);
    Ok(Content::new(key, act.bytes, Format::Pdf.media_type(), &name))
}

async fn last(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    let query = Entity::find().filter(Column::TicketId.eq(ticket)).order_by_desc(Column::Number);
    Ok(query.one(reader).await?)
}

/// Notes an act whose object is published. `None`: the ticket has changed since it was read.
#[derive(Clone, Debug)]
struct Make {
    ticket: TicketId,
    doc_version: i64,
    sha256: Sha256Hash,
    bytes: i64,
    total_minor: i64,
    signed_resident: bool,
    signed_crew: bool,
    blobs: Arc<dyn Blobs>,
}

impl Act for Make {
    const NAME: &'static str = "act.make";
    type Out = Option<ActDocument>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<ActDocument>> {
        let ticket = ticket::hold(tx, self.ticket).await?;
        if ticket.doc_version != self.doc_version {
            return Ok(None);
        }
        let before = last(&tx.reader(), ticket.id).await?;
        if let Some(same) = before.as_ref().filter(|act| act.sha256 == self.sha256) {
            return Ok(Some(same.clone().into()));
        }
        if !photo::keep_content(
            tx,
            ticket.organization_id,
            self.sha256,
            self.bytes,
            Format::Pdf,
            &*self.blobs,
        )
        .await?
        {
            return Ok(None);
        }
        let row = Model {
            id: ActId::new(tx.clock()),
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            number: before.map_or(1, |act| act.number + 1),
            sha256: self.sha256,
            bytes: self.bytes,
            total_minor: self.total_minor,
            signed_resident: self.signed_resident,
            signed_crew: self.signed_crew,
            made_by: tx.scope().actor_id(),
            made_at: tx.now(),
        };
        tx.insert(&row).await?;
        Ok(Some(row.into()))
    }
}

struct Printed {
    pdf: Bytes,
    signed_resident: bool,
    signed_crew: bool,
}

/// Prints what the ticket says.
async fn print(
    reader: &Reader<'_>,
    blobs: &dyn Blobs,
    scope: &Scope,
    document: &TicketDocument,
) -> Result<Printed> {
    let organization = organization::name_of(reader, document.organization_id).await?;
    let resident = signature(reader, blobs, scope, document, PhotoKind::SignatureResident).await?;
    let crew = signature(reader, blobs, scope, document, PhotoKind::SignatureCrew).await?;
    let (signed_resident, signed_crew) = (resident.is_some(), crew.is_some());
    let when = |at: DateTime<Utc>| {
        let zone: Tz = document.zone.parse().unwrap_or(Tz::UTC);
        at.with_timezone(&zone).format("%d.%m.%Y %H:%M").to_string()
    };
    let place = match &document.premises_number {
        Some(number) => format!("{}, {number}", document.address),
        None => document.address.clone(),
    };
    let workers = workers(document);
    let mut facts = vec![
        ("Заявка", format!("№ {} от {}", document.number, when(document.registered_at))),
        ("Адрес", place),
        ("Заявитель", document.applicant_name.clone().unwrap_or_else(|| "не указан".to_owned())),
        ("Вид работ", document.request_type.name_ru.clone()),
        ("Описание", document.description.clone()),
    ];
    facts.extend(document.cause.clone().map(|cause| ("Причина", cause)));
    if !workers.is_empty() {
        facts.push(("Исполнители", workers.join(", ")));
    }
    facts.extend(document.completed_at.map(|at| ("Работы выполнены", when(at))));
    let line = |name: &str, quantity: Quantity, unit: &str, price: i64, total: i64| PaperLine {
        name: name.to_owned(),
        quantity: quantity.to_string().replace('.', ","),
        unit: unit.to_owned(),
        price: money(price),
        total: money(total),
    };
    let works = document.total.works.iter();
    let works = works.map(|one| line(&one.name, one.quantity, &one.unit, one.price_minor, one.total_minor));
    let materials = document.materials.iter();
    let materials =
        materials.map(|one| line(&one.name, one.quantity, &one.unit, one.price_minor, one.total_minor));
    let total = document.total.total_minor;
    let paper = Paper {
        title: format!("Акт выполненных работ № {}", document.number),
        organization,
        facts,
        sections: [("Работы", works.collect::<Vec<_>>()), ("Материалы", materials.collect())]
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .collect(),
        totals: vec![format!("Итого: {} руб.", money(total)), format!("Сумма прописью: {}.", roubles(total))],
        words: vec!["Работы выполнены. Претензий к качеству не имею.".to_owned()],
        signatures: vec![
            ("Исполнитель", workers.into_iter().next().unwrap_or_default(), crew),
            ("Заявитель", document.applicant_name.clone().unwrap_or_default(), resident),
        ],
    };
    let pdf = tokio::task::spawn_blocking(move || paper.print()).await.map_err(Error::internal)??;
    Ok(Printed { pdf: pdf.into(), signed_resident, signed_crew })
}

/// Who has worked, or was to work, each once, the lead of the last visit first.
fn workers(document: &TicketDocument) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for visit in document.visits.iter().rev() {
        if visit.started_at.is_none() && document.visits.iter().any(|other| other.started_at.is_some()) {
            continue;
        }
        for member in &visit.crew {
            if !names.contains(&member.full_name) {
                names.push(member.full_name.clone());
            }
        }
    }
    names
}

/// «1 234,50».
fn money(minor: i64) -> String {
    let (whole, kopecks) = (minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    format!("{grouped},{kopecks:02}")
}

/// The newest signature of a kind that has arrived and could be looked at.
async fn signature(
    reader: &Reader<'_>,
    blobs: &dyn Blobs,
    scope: &Scope,
    document: &TicketDocument,
    kind: PhotoKind,
) -> Result<Option<Signature>> {
    let newest = document
        .photos
        .iter()
        .rev()
        .find(|photo| photo.kind == kind && photo.preview == PreviewState::Ready)
        .map(|photo| photo.id);
    let Some(id) = newest else { return Ok(None) };
    let jpeg = preview(reader, blobs, scope, id).await?;
    let pixels =
        naryad_picture::pixels(&jpeg).map_err(|cause| Error::internal(format!("photo {id}: {cause}")))?;
    Ok(Some(Signature { jpeg, width: pixels.width(), height: pixels.height() }))
}

async fn preview(reader: &Reader<'_>, blobs: &dyn Blobs, scope: &Scope, id: PhotoId) -> Result<Vec<u8>> {
    let content = photo::find(reader, scope, id, Size::Small).await?;
    let read = photo::open(blobs, &content, None).await?;
    let chunks: Vec<Bytes> =
        read.stream.try_collect().await.map_err(BlobError::during("reading a signature"))?;
    Ok(chunks.concat())
}
