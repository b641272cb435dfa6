//! Who is to be asked by telephone: nothing else has reached him, or he was to be called from the beginning.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Result, Scope, Time,
    auth::Role,
    db::Reader,
    id::{InvitationId, ResidentId, SurveyId, TicketId},
    page::{Page, PageRequest},
};

/// Somebody to be asked by telephone.
#[derive(Clone, Debug, PartialEq, Serialize, FromQueryResult, ToSchema)]
#[schema(as = SurveyCall)]
pub struct CallDocument {
    /// The invitation: what `POST /v1/surveys/{id}/answer` takes.
    pub id: InvitationId,
    /// The survey.
    pub survey_id: SurveyId,
    /// What is asked.
    pub question: String,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// Its number.
    pub number: Option<String>,
    /// Who is asked, if he is a resident.
    pub resident_id: Option<ResidentId>,
    /// His name.
    pub full_name: Option<String>,
    /// His phone.
    pub phone: Option<String>,
    /// Until when he can answer.
    pub expires_at: DateTime<Utc>,
}

/// Who is to be asked by telephone, the oldest question first. For the desk.
///
/// # Errors
/// `forbidden` for everybody else; `invalid_field` for a cursor of another list.
pub async fn calls(
    reader: &Reader<'_>,
    scope: &Scope,
    now: Time,
    page: &PageRequest,
) -> Result<Page<CallDocument>> {
    scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let after = page.after::<InvitationId>()?.map_or(Uuid::nil(), |after| after.0);
    let sql = format!(
        "SELECT i.id, i.survey_id, s.question, i.ticket_id, t.number, i.resident_id,
             COALESCE(r.full_name, t.applicant_name) AS full_name, i.expires_at,
             COALESCE(i.phone, (SELECT p.phone FROM resident_phone p WHERE p.resident_id = i.resident_id
                                ORDER BY p.position LIMIT 1)) AS phone
         FROM survey_invitation i JOIN survey s ON s.id = i.survey_id
         LEFT JOIN ticket t ON t.id = i.ticket_id LEFT JOIN resident r ON r.id = i.resident_id
         LEFT JOIN notification n ON n.id = i.notification_id
         WHERE i.organization_id = $1 AND i.next_at IS NOT NULL AND i.expires_at > $2 AND i.id > $3
           AND (i.state = 'call' OR i.state IN ('asked', 'reminded') AND n.state IN ('call', 'failed'))
         ORDER BY i.id LIMIT {}",
        page.limit() + 1
    );
    let values: [Value; 3] = [scope.organization().0.into(), now.into(), after.into()];
    let rows = reader.all::<CallDocument>(&sql, values).await?;
    page.cut(rows, |call| call.id)
}
