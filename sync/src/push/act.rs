//! Which use case each kind of recorded act is: the same as of the REST endpoint of the same act.

use naryad_domain::{
    Error, Result, Scope,
    id::{EstimateId, ReviewId, TicketId, UsageId, VisitId, WorkLineId},
    material::usage::{RemoveUsage, UseMaterial, UseMaterialArgs},
    paid::{
        estimate::{self, AnswerEstimate, MakeEstimate},
        line::{DoWork, DoWorkArgs, RemoveWork},
        payment::{self, NotePayment},
    },
    photo::{AddPhoto, AddPhotoArgs},
    text::Text,
    ticket::{
        self, At, Comment, Complete, CompleteTicket, Fill, FillFields, FollowUp, FollowUpTicket, Hold,
        HoldTicket, Localize, Resume, WriteComment,
    },
    visit::{Confirm, ConfirmChecklist, EnRoute, EndVisit, NoAccess, Start, Unfinished, Wish, WishMove},
    write::{Attempt, Occurred, Tx},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PushedMutation, schema};

/// A recorded act that was understood.
#[derive(Clone, Debug)]
pub(crate) enum Recorded {
    EnRoute { visit: VisitId },
    Start { visit: VisitId },
    Checklist { visit: VisitId, args: ConfirmChecklist },
    Unfinished { visit: VisitId, args: EndVisit },
    NoAccess { visit: VisitId, args: EndVisit },
    WishMove { visit: VisitId, args: WishMove },
    Localize,
    Resume,
    Hold { args: HoldTicket },
    Complete { args: CompleteTicket },
    Fields { args: FillFields },
    Comment { args: WriteComment },
    FollowUp { args: FollowUpTicket },
    AddPhoto { args: AddPhotoArgs },
    UseMaterial { args: UseMaterialArgs },
    RemoveMaterial { usage: UsageId },
    DoWork { args: DoWorkArgs },
    RemoveWork { line: WorkLineId },
    OfferEstimate { args: MakeEstimate },
    AnswerEstimate { estimate: EstimateId, args: AnswerEstimate },
    NotePayment { args: NotePayment },
}

/// Takes `key` out of the arguments, as an identifier.
fn id(args: &mut Value, key: &str) -> Result<Uuid> {
    let value = args.as_object_mut().and_then(|args| args.remove(key)).unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|_| Error::field(format!("args.{key}"), "must be a UUID"))
}

fn read<T: DeserializeOwned>(args: Value) -> Result<T> {
    T::deserialize(args).map_err(|cause| Error::field("args", cause.to_string()))
}

fn nothing(args: &Value) -> Result<()> {
    match args {
        Value::Null => Ok(()),
        Value::Object(object) if object.is_empty() => Ok(()),
        _ => Err(Error::field("args", "this kind of act has no arguments")),
    }
}

impl Recorded {
    /// The act that a phone pushed. `None`: its kind or its schema is not known here.
    ///
    /// # Errors
    /// As [`Recorded::parse`].
    pub(crate) fn read(pushed: &PushedMutation) -> Result<Option<Self>> {
        if pushed.schema > schema::NEWEST {
            return Ok(None);
        }
        Self::parse(&pushed.kind, schema::upgrade(&pushed.kind, pushed.schema, pushed.args.clone()))
    }

    /// Reads the arguments of a kind. `None`: the kind is not known here.
    ///
    /// # Errors
    /// `invalid_field` naming what is wrong.
    pub(crate) fn parse(kind: &str, mut args: Value) -> Result<Option<Self>> {
        let visit = |args: &mut Value| id(args, "visit_id").map(VisitId);
        Ok(Some(match kind {
            "visit.en_route" => {
                let visit = visit(&mut args)?;
                nothing(&args)?;
                Self::EnRoute { visit }
            }
            "visit.start" => {
                let visit = visit(&mut args)?;
                nothing(&args)?;
                Self::Start { visit }
            }
            "visit.checklist" => Self::Checklist { visit: visit(&mut args)?, args: read(args)? },
            "visit.unfinished" => Self::Unfinished { visit: visit(&mut args)?, args: read(args)? },
            "visit.no_access" => Self::NoAccess { visit: visit(&mut args)?, args: read(args)? },
            "visit.wish_move" => Self::WishMove { visit: visit(&mut args)?, args: read(args)? },
            "ticket.localize" => {
                nothing(&args)?;
                Self::Localize
            }
            "ticket.resume" => {
                nothing(&args)?;
                Self::Resume
            }
            "ticket.hold" => Self::Hold { args: read(args)? },
            "ticket.complete" => {
                Self::Complete { args: read(if args.is_null() { json!({}) } else { args })? }
            }
            "ticket.fields" => Self::Fields { args: read(args)? },
            "ticket.comment" => Self::Comment { args: read(args)? },
            "ticket.follow_up" => Self::FollowUp { args: read(args)? },
            "photo.add" => Self::AddPhoto { args: read(args)? },
            "material.use" => Self::UseMaterial { args: read(args)? },
            "material.remove" => Self::RemoveMaterial { usage: UsageId(id(&mut args, "usage_id")?) },
            "work.do" => Self::DoWork { args: read(args)? },
            "work.remove" => Self::RemoveWork { line: WorkLineId(id(&mut args, "line_id")?) },
            "estimate.offer" => Self::OfferEstimate { args: read(args)? },
            "estimate.answer" => Self::AnswerEstimate {
                estimate: EstimateId(id(&mut args, "estimate_id")?),
                args: read(args)?,
            },
            "payment.note" => {
                // The act's own time, put right, says when it was paid.
                let args = NotePayment { paid_at: None, ..read(args)? };
                Self::NotePayment { args }
            }
            _ => return Ok(None),
        }))
    }

    /// The visit it names.
    pub(crate) fn visit(&self) -> Option<VisitId> {
        match self {
            Self::EnRoute { visit }
            | Self::Start { visit }
            | Self::Checklist { visit, .. }
            | Self::Unfinished { visit, .. }
            | Self::NoAccess { visit, .. }
            | Self::WishMove { visit, .. } => Some(*visit),
            _ => None,
        }
    }

    /// Whether it moves the ticket, so that only one who has it in hand may do it; everything else is evidence of one who
    /// was there.
    pub(crate) fn moves(&self) -> bool {
        matches!(self, Self::Complete { .. } | Self::Hold { .. } | Self::Localize | Self::Resume)
    }

    /// The photo it announces.
    pub(crate) fn photo(&self) -> Option<&AddPhotoArgs> {
        match self {
            Self::AddPhoto { args } => Some(args),
            _ => None,
        }
    }

    /// Does it, as the one who recorded it. What it came to is told to the phone.
    pub(crate) async fn attempt(
        &self,
        tx: &mut Tx,
        scope: Scope,
        at: Option<Occurred>,
        ticket: TicketId,
    ) -> Result<Attempt<Value>> {
        let none = At { occurred_at: None };
        macro_rules! attempt {
            ($act:expr) => {
                told(tx.attempt(scope, at, &$act).await?, |_| Value::Null)
            };
        }
        Ok(match self.clone() {
            Self::EnRoute { visit } => attempt!(EnRoute { visit, args: none }),
            Self::Start { visit } => attempt!(Start { visit, args: none }),
            Self::Checklist { visit, args } => attempt!(Confirm { visit, args }),
            Self::Unfinished { visit, args } => attempt!(Unfinished { visit, args }),
            Self::NoAccess { visit, args } => attempt!(NoAccess { visit, args }),
            Self::WishMove { visit, args } => attempt!(Wish { visit, args }),
            Self::Localize => attempt!(Localize { ticket, args: none }),
            Self::Resume => attempt!(Resume { ticket }),
            Self::Hold { args } => attempt!(Hold { ticket, args }),
            Self::Complete { args } => attempt!(Complete { ticket, args }),
            Self::Fields { args } => attempt!(Fill { ticket, args }),
            Self::Comment { args } => attempt!(Comment { ticket, args }),
            Self::FollowUp { args } => match tx.attempt(scope, at, &FollowUp { ticket, args }).await? {
                Attempt::Done(id) => {
                    let number = ticket::number_of(&tx.reader(), id).await?;
                    Attempt::Done(json!({ "ticket_id": id, "number": number }))
                }
                other => told(other, |_| Value::Null),
            },
            Self::AddPhoto { args } => {
                let act = AddPhoto { ticket, args, review: None };
                told(tx.attempt(scope, at, &act).await?, |added| json!({ "state": added.photo.state }))
            }
            Self::UseMaterial { args } => attempt!(UseMaterial { ticket, args, decided: false }),
            Self::RemoveMaterial { usage } => attempt!(RemoveUsage { ticket, usage }),
            Self::DoWork { args } => attempt!(DoWork { ticket, args }),
            Self::RemoveWork { line } => attempt!(RemoveWork { ticket, line }),
            Self::OfferEstimate { args } => attempt!(estimate::Offer { ticket, args }),
            Self::AnswerEstimate { estimate, args } => {
                attempt!(estimate::Answer { ticket, estimate, args })
            }
            Self::NotePayment { args } => attempt!(payment::Note { ticket, args }),
        })
    }

    /// What of it stays true although the ticket does not move: photos, materials, words.
    ///
    /// # Errors
    /// As [`Recorded::attempt`].
    pub(crate) async fn attach(
        &self,
        tx: &mut Tx,
        scope: Scope,
        at: Option<Occurred>,
        ticket: TicketId,
    ) -> Result<Attempt<Value>> {
        match self.clone() {
            Self::UseMaterial { args } => {
                let act = UseMaterial { ticket, args, decided: true };
                Ok(told(tx.attempt(scope, at, &act).await?, |_| Value::Null))
            }
            Self::AddPhoto { .. } | Self::Comment { .. } => self.attempt(tx, scope, at, ticket).await,
            _ => Ok(Attempt::Done(Value::Null)),
        }
    }

    /// Keeps the photo it announces beside the ticket, until somebody has decided.
    ///
    /// # Errors
    /// As [`Recorded::attempt`].
    pub(crate) async fn keep_photo(
        &self,
        tx: &mut Tx,
        scope: Scope,
        at: Option<Occurred>,
        ticket: TicketId,
        review: ReviewId,
    ) -> Result<Attempt<Value>> {
        let Some(args) = self.photo().cloned() else { return Ok(Attempt::Done(Value::Null)) };
        let act = AddPhoto { ticket, args, review: Some(review) };
        Ok(told(tx.attempt(scope.granting(ticket), at, &act).await?, |_| Value::Null))
    }

    /// The same as the desk decides it: a report of work that is done is the desk's own.
    pub(crate) fn decided(self, word: Option<Text<2000>>, waive_missing: bool) -> (Self, bool) {
        match self {
            Self::Complete { args } => {
                let args = CompleteTicket { reason: args.reason.or(word), waive_missing, ..args };
                (Self::Complete { args }, true)
            }
            other => (other, false),
        }
    }
}

fn told<Out>(attempt: Attempt<Out>, tell: impl FnOnce(Out) -> Value) -> Attempt<Value> {
    match attempt {
        Attempt::Done(out) => Attempt::Done(tell(out)),
        Attempt::Refused(error) => Attempt::Refused(error),
        Attempt::OutOfOrder => Attempt::OutOfOrder,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The kinds in the first column of the guide's table.
    fn in_the_guide() -> BTreeSet<&'static str> {
        let guide = include_str!("../../../docs/sync.md");
        let table = guide.split("### The acts").nth(1).and_then(|rest| rest.split("\n## ").next());
        let rows = table.unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| row.split(" | ").next())
            .flat_map(|cell| cell.split(", ").map(|kind| kind.trim_matches('`')))
            .collect()
    }

    #[test]
    fn the_guide_names_every_kind_of_act_and_no_other() {
        let here = include_str!("act.rs").lines().filter_map(|line| line.trim().strip_prefix('"'));
        let here: BTreeSet<&str> = here.filter_map(|line| Some(line.split_once("\" => ")?.0)).collect();
        assert_eq!(in_the_guide(), here);
        for kind in here {
            assert!(!matches!(Recorded::parse(kind, Value::Null), Ok(None)), "{kind} is not read");
        }
    }
}
