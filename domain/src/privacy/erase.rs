//! Erasure of a resident: step by step, each in a write of its own, so that it can be broken off anywhere and begun
//! again. The facts of the journal stay, and earlier proofs keep verifying: what the commitments stand for is gone.

use std::sync::Arc;

use sea_orm::{DbBackend, FromQueryResult, Value};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::erasure::{ErasedKind, Ground, Model};
use crate::{
    Error, Result, Scope,
    auth::Role,
    blob::{BlobKey, Blobs, Sha256Hash},
    db::{Db, Reader},
    id::{ResidentId, TicketId, new_uuid},
    people::resident,
    photo,
    write::{Act, LockRank, Tx},
};

/// What stands where a name or a text was.
const ERASED: &str = "Удалено";

/// What would be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErasePreview {
    /// Tickets whose applicant he is.
    pub tickets: u64,
    /// Photos, voice notes and documents on them.
    pub photos: u64,
    /// Acts of completed work.
    pub acts: u64,
    /// Comments that he wrote.
    pub comments: u64,
    /// Values behind the commitments of the journal.
    pub values: u64,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erased {
    /// Tickets.
    pub tickets: u64,
    /// Objects that nobody else names and that are gone from the store.
    pub objects: u64,
}

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

/// His tickets that hold something of him still.
async fn tickets(reader: &Reader<'_>, resident: ResidentId) -> Result<Vec<TicketId>> {
    let sql = "SELECT id FROM ticket WHERE resident_id = $1 ORDER BY id";
    let rows = reader.all::<Id>(sql, [resident.0.into()]).await?;
    Ok(rows.into_iter().map(|row| TicketId(row.id)).collect())
}

/// Tells what would be erased. For the administrator.
///
/// # Errors
/// `not_found` for a resident of another organization, `forbidden` for everybody else.
pub async fn preview(reader: &Reader<'_>, scope: &Scope, resident: ResidentId) -> Result<ErasePreview> {
    #[derive(FromQueryResult)]
    struct Count {
        rows: i64,
    }
    scope.require(&[Role::Admin])?;
    resident::store::find(reader, scope, resident).await?;
    let count = async |sql: &str| {
        let found = reader.one::<Count>(sql, [resident.0.into()]).await?;
        Ok::<u64, Error>(found.map_or(0, |count| count.rows.unsigned_abs()))
    };
    let his = "(SELECT id FROM ticket WHERE resident_id = $1)";
    Ok(ErasePreview {
        tickets: count("SELECT COUNT(*) AS rows FROM ticket WHERE resident_id = $1").await?,
        photos: count(&format!("SELECT COUNT(*) AS rows FROM photo WHERE ticket_id IN {his}")).await?,
        acts: count(&format!("SELECT COUNT(*) AS rows FROM act_document WHERE ticket_id IN {his}")).await?,
        comments: count("SELECT COUNT(*) AS rows FROM ticket_comment WHERE author_id = $1").await?,
        values: count(&format!(
            "SELECT COUNT(*) AS rows FROM event_secret
             WHERE subject_id = $1 OR (subject_kind = 'ticket' AND subject_id IN {his})"
        ))
        .await?,
    })
}

/// Erases a resident: his own record and sign-ins, and of each of his tickets the applicant, the texts, the photos, the
/// acts, the values of the journal and the stored answers. Number, kind, times, works and sums stay: the law wants them.
/// Once more, after it was broken off or ended, goes on or does nothing.
///
/// # Errors
/// As [`preview`]; `unavailable` when database or store do not answer: what was done until then stays done.
pub async fn erase(
    db: &Db,
    blobs: &Arc<dyn Blobs>,
    scope: Scope,
    resident: ResidentId,
    ground: Ground,
) -> Result<Erased> {
    scope.require(&[Role::Admin])?;
    resident::store::find(&db.reader(), &scope, resident).await?;
    let mut erased = Erased::default();
    // First he himself: nobody signs in as him while his tickets are gone through.
    db.write(scope, ErasePerson { resident, ground }).await?;
    for ticket in tickets(&db.reader(), resident).await? {
        let contents = db.write(scope, EraseTicket { ticket, ground }).await?;
        erased.tickets += 1;
        for sha256 in contents {
            let key = BlobKey { organization: scope.organization(), sha256 };
            erased.objects += u64::from(photo::collect_now(db, blobs, key).await?);
        }
    }
    Ok(erased)
}

/// Notes that something was erased, with what it was.
async fn note(tx: &mut Tx, kind: ErasedKind, subject: Uuid, ground: Ground, paths: &[&str]) -> Result<()> {
    let row = Model {
        id: new_uuid(tx.clock()),
        organization_id: tx.scope().organization(),
        subject_kind: kind,
        subject_id: subject,
        ground,
        paths: serde_json::to_value(paths).map_err(Error::internal)?,
        erased_by: tx.scope().actor_id(),
        erased_at: tx.now(),
    };
    tx.insert(&row).await
}

/// Forgets what the commitments of a chain stand for.
async fn forget_values(tx: &Tx, kind: &str, subject: Uuid) -> Result<u64> {
    let sql = "DELETE FROM event_secret WHERE subject_kind = $1 AND subject_id = $2";
    Ok(tx.execute(sql, [kind.into(), subject.into()]).await?.rows_affected())
}

/// Forgets stored answers that name a thing.
async fn forget_answers(tx: &Tx, id: Uuid) -> Result<()> {
    let sql = match tx.backend() {
        DbBackend::Postgres => {
            "DELETE FROM idempotency_key WHERE organization_id = $1 AND position($2::bytea in body) > 0"
        }
        _ => "DELETE FROM idempotency_key WHERE organization_id = $1 AND instr(body, $2) > 0",
    };
    let name: Value = id.to_string().into_bytes().into();
    tx.execute(sql, [tx.scope().organization().0.into(), name]).await?;
    Ok(())
}

/// The words of messages, and to whom they went where that is no identifier. What waits is not said any more, and what a
/// worker has in its hands it cannot write down.
async fn forget_messages(tx: &Tx, column: &str, id: Value) -> Result<()> {
    let nobody = match tx.backend() {
        DbBackend::Postgres => "'erased:' || CAST(id AS TEXT)",
        _ => "'erased:' || lower(hex(id))",
    };
    let waits = "state IN ('queued', 'sent', 'call')";
    let sql = format!(
        "UPDATE notification SET phone = NULL, email = NULL, title = NULL, brief = NULL, body = NULL, facts = '{{}}',
             reference = NULL, lease = NULL, next_at = NULL, settled_at = COALESCE(settled_at, $2),
             state = CASE WHEN {waits} THEN 'superseded' ELSE state END,
             person = CASE WHEN user_id IS NULL AND resident_id IS NULL THEN {nobody} ELSE person END
         WHERE {column} = $1"
    );
    tx.execute(&sql, [id, tx.now().into()]).await?;
    Ok(())
}

/// The record of the resident, his phones, accounts, devices and sign-ins.
#[derive(Clone, Copy, Debug)]
struct ErasePerson {
    resident: ResidentId,
    ground: Ground,
}

impl Act for ErasePerson {
    const NAME: &'static str = "person.erase";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let id: Value = self.resident.0.into();
        tx.lock_subject("resident", self.resident.0).await?;
        let row = resident::store::find(&tx.reader(), tx.scope(), self.resident).await?;
        // Past the journal: it tells what changes, and this is what it must not tell.
        for sql in [
            "UPDATE survey_answer SET comment = NULL, review_word = NULL WHERE resident_id = $1",
            "UPDATE sms_reply SET phone = '', body = '' WHERE resident_id = $1",
            "DELETE FROM do_not_ask WHERE resident_id = $1",
            "DELETE FROM do_not_ask WHERE organization_id = (SELECT organization_id FROM resident WHERE id = $1)
                 AND person IN (SELECT 'phone:' || phone FROM resident_phone WHERE resident_id = $1)",
            "DELETE FROM resident_phone WHERE resident_id = $1",
            "DELETE FROM account WHERE resident_id = $1",
            "UPDATE device SET push_token = NULL, active = FALSE WHERE resident_id = $1",
        ] {
            tx.execute(sql, [id.clone()]).await?;
        }
        forget_messages(tx, "resident_id", id.clone()).await?;
        tx.execute(
            "UPDATE resident SET full_name = $2, email = NULL, disabled = FALSE, search = '', login_id = NULL,
                    version = version + 1, erased_at = COALESCE(erased_at, $3)
             WHERE id = $1",
            [id.clone(), ERASED.into(), tx.now().into()],
        )
        .await?;
        if let Some(login) = row.login_id {
            forget_login(tx, login.0).await?;
        }
        let values = forget_values(tx, "resident", self.resident.0).await?;
        forget_answers(tx, self.resident.0).await?;
        if row.full_name != ERASED || values > 0 {
            let paths = ["full_name", "email", "disabled", "phones", "accounts", "devices", "login"];
            note(tx, ErasedKind::Resident, self.resident.0, self.ground, &paths).await?;
        }
        Ok(())
    }
}

/// The login goes with its last membership; until then it is the other organizations'.
async fn forget_login(tx: &Tx, login: Uuid) -> Result<()> {
    let others =
        tx.reader().one::<Id>("SELECT id FROM resident WHERE login_id = $1 LIMIT 1", [login.into()]).await?;
    if others.is_some() {
        return Ok(());
    }
    for sql in [
        "DELETE FROM refresh_token WHERE family_id IN (SELECT id FROM token_family WHERE login_id = $1)",
        "DELETE FROM token_family WHERE login_id = $1",
        "DELETE FROM one_time_code WHERE phone IN (SELECT phone FROM resident_login WHERE id = $1)",
        "DELETE FROM resident_login WHERE id = $1",
    ] {
        tx.execute(sql, [login.into()]).await?;
    }
    Ok(())
}

/// What a ticket holds of its applicant. Returns the content that it no longer names.
#[derive(Clone, Copy, Debug)]
struct EraseTicket {
    ticket: TicketId,
    ground: Ground,
}

impl Act for EraseTicket {
    const NAME: &'static str = "ticket.erase";
    type Out = Vec<Sha256Hash>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Sha256Hash>> {
        #[derive(FromQueryResult)]
        struct Content {
            sha256: Sha256Hash,
        }
        let id: Value = self.ticket.0.into();
        tx.lock_tickets([self.ticket]).await?;
        tx.rank(LockRank::Uploads)?;
        let contents = "SELECT sha256 FROM photo WHERE ticket_id = $1
                        UNION SELECT v.sha256 FROM photo_preview v JOIN photo p ON p.id = v.photo_id WHERE p.ticket_id = $1
                        UNION SELECT sha256 FROM act_document WHERE ticket_id = $1";
        let contents = tx.reader().all::<Content>(contents, [id.clone()]).await?;
        let his = "(SELECT id FROM photo WHERE ticket_id = $1)";
        // Past the journal, and in the order of the references.
        for sql in [
            format!(
                "DELETE FROM upload_slice WHERE upload_id IN (SELECT id FROM upload WHERE photo_id IN {his})"
            ),
            format!("DELETE FROM upload WHERE photo_id IN {his}"),
            format!("DELETE FROM photo_preview WHERE photo_id IN {his}"),
            format!("DELETE FROM photo_hash WHERE photo_id IN {his}"),
            "UPDATE estimate SET photo_id = NULL, words = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE photo SET pair_of = NULL WHERE ticket_id = $1".to_owned(),
            "DELETE FROM photo WHERE ticket_id = $1".to_owned(),
            "DELETE FROM act_document WHERE ticket_id = $1".to_owned(),
            "DELETE FROM track_link WHERE ticket_id = $1".to_owned(),
            "UPDATE payment SET note = NULL WHERE ticket_id = $1".to_owned(),
            format!(
                "UPDATE ticket_comment SET body = '{ERASED}', author_name = '{ERASED}' WHERE ticket_id = $1"
            ),
            format!("UPDATE ticket_return SET reason = '{ERASED}' WHERE ticket_id = $1"),
            "UPDATE visit SET reason = NULL WHERE ticket_id = $1".to_owned(),
            // What phones sent of it: the hash of the canonical form still answers a resend.
            "UPDATE sync_mutation SET payload = '{}', result = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE review SET word = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE survey_invitation SET phone = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE survey_answer SET comment = NULL, review_word = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE call_attempt SET phone = NULL, note = NULL WHERE ticket_id = $1".to_owned(),
            "UPDATE authority_notice SET body = NULL WHERE ticket_id = $1".to_owned(),
        ] {
            tx.execute(&sql, [id.clone()]).await?;
        }
        forget_messages(tx, "ticket_id", id.clone()).await?;
        tx.execute(
            "UPDATE ticket SET applicant_name = NULL, applicant_phone = NULL, place = NULL, original_words = NULL,
                    cause = NULL, measures = NULL, hold_reason = NULL, outcome_reason = NULL, description = $2,
                    fields = $3, search = '', version = version + 1
             WHERE id = $1",
            [id.clone(), ERASED.into(), serde_json::json!({}).into()],
        )
        .await?;
        let values = forget_values(tx, "ticket", self.ticket.0).await?;
        forget_answers(tx, self.ticket.0).await?;
        if values > 0 {
            let paths = ["applicant", "texts", "fields", "photos", "acts", "comments"];
            note(tx, ErasedKind::Ticket, self.ticket.0, self.ground, &paths).await?;
        }
        Ok(contents.into_iter().map(|row| row.sha256).collect())
    }
}
