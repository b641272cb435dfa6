//! Own fields of a kind, filled in on the spot: readings, and whatever else the catalogue asks for.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    Status, evidence_found,
    find::{hold, save},
    kind::Kind,
    moves::{self, By},
    row,
};
use crate::{
    Code, Error, Result,
    catalogue::validate_fields,
    id::TicketId,
    write::{Act, Tx},
};

/// Values of own fields.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FillFields {
    /// The values to set; what is not named stays.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// What the client saw of them when it set them (a field that is absent here was empty): a field that somebody else
    /// gave another value meanwhile is a conflict, every other is merged. Absent: nothing is compared.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub base_fields: Option<Map<String, Value>>,
}

impl FillFields {
    /// The fields of the ticket with these values.
    ///
    /// # Errors
    /// `field_conflict` naming the fields that somebody else gave another value; `invalid_field` when the kind does not
    /// take a value.
    pub(super) fn merged(&self, ticket: &row::Model, kind: &Kind) -> Result<Map<String, Value>> {
        let mut fields = ticket.fields.as_object().cloned().unwrap_or_default();
        if let Some(base) = &self.base_fields {
            let conflict = |key: &&String| {
                let (now, mine, seen) = (fields.get(*key), self.fields.get(*key), base.get(*key));
                now != seen && now != mine
            };
            let conflicts: Vec<&String> = self.fields.keys().filter(conflict).collect();
            if !conflicts.is_empty() {
                return Err(
                    Error::new(Code::FieldConflict, Code::FieldConflict.title()).with("conflicts", conflicts)
                );
            }
        }
        fields.extend(self.fields.clone());
        validate_fields(&kind.rules.demands.specs(), &fields)?;
        Ok(fields)
    }
}

/// Fills in own fields; by the crew or the desk, until the ticket is accepted.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The ticket.
    pub ticket: TicketId,
    /// The values.
    pub args: FillFields,
}

impl Act for Fill {
    const NAME: &'static str = "ticket.fields";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let before = hold(tx, self.ticket).await?;
        let by = match By::of(tx.scope()) {
            Some(by @ (By::Technician | By::Desk | By::Job)) => by,
            Some(By::Resident) | None => return Err(Error::new(Code::Forbidden, Code::Forbidden.title())),
        };
        if matches!(before.status, Status::Closed | Status::Cancelled) {
            let legal: Vec<&str> = moves::legal(before.status, by).iter().map(|step| step.name()).collect();
            let message = format!("the fields of a ticket that is {} do not change", before.status.name());
            return Err(Error::new(Code::IllegalMove, message)
                .with("status", before.status.name())
                .with("legal", legal));
        }
        let kind = Kind::of(&tx.reader(), &before).await?;
        let mut after = before.clone();
        after.fields = Value::Object(self.args.merged(&before, &kind)?);
        save(tx, &before, after.clone()).await?;
        if before.evidence_missing {
            let now = super::find::find(&tx.reader(), tx.scope(), self.ticket).await?;
            evidence_found(tx, &now).await?;
        }
        Ok(self.ticket)
    }
}
