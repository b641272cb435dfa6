//! A ticket is completed: whether its applicant is asked, and when.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use sha2::{Digest, Sha256};

use super::{
    invitation::{self, InvitationState},
    row,
};
use crate::{
    Result, Time,
    db::Reader,
    id::{InvitationId, SurveyId, TicketId},
    notification::Person,
    people::{locale::Locale, organization},
    ticket::{self, Status},
    write::Tx,
};

/// Whether a ticket is of the sample: so many of a hundred are, and always the same.
pub fn is_sampled(ticket: TicketId, percent: u16) -> bool {
    let digest = Sha256::new().chain_update(b"naryad.survey").chain_update(ticket.0.as_bytes()).finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number % 100 < u64::from(percent)
}

/// What is asked of a completed ticket.
pub(super) fn question(number: &str, locale: Locale) -> String {
    match locale {
        Locale::Ru => format!("Как выполнены работы по заявке № {number}? Оценка от 1 до 5."),
        Locale::En => format!("How well was the work of request {number} done? From 1 to 5."),
    }
}

/// A ticket was saved: if it is completed by that, its applicant is asked after the delay, if he is of the sample.
///
/// # Errors
/// What the database says.
pub(crate) async fn follow(
    tx: &mut Tx,
    before: &ticket::row::Model,
    after: &ticket::row::Model,
) -> Result<()> {
    if before.status == Status::Completed || after.status != Status::Completed {
        return Ok(());
    }
    let Some(person) = Person::applicant(after) else { return Ok(()) };
    let settings = organization::settings_of(&tx.reader(), after.organization_id).await?.surveys;
    if !is_sampled(after.id, settings.sample_percent) || of_round(tx, after).await?.is_some() {
        return Ok(());
    }
    let ask_at = tx.now() + TimeDelta::minutes(settings.delay_minutes.into());
    invite(tx, after, &person, ask_at).await?;
    Ok(())
}

/// The survey of a ticket since it was returned last.
///
/// # Errors
/// What the database says.
pub(super) async fn of_round(tx: &Tx, ticket: &ticket::row::Model) -> Result<Option<row::Model>> {
    let query = row::Entity::find().filter(row::Column::TicketId.eq(ticket.id));
    Ok(query.filter(row::Column::Round.eq(ticket.return_count)).one(&tx.reader()).await?)
}

/// Whether the work that an invitation asks about was returned meanwhile.
///
/// # Errors
/// What the database says.
pub(super) async fn is_over(reader: &Reader<'_>, invitation: &invitation::Model) -> Result<bool> {
    let Some(ticket) = invitation.ticket_id else { return Ok(false) };
    let ticket = ticket::row::Entity::find_by_id(ticket).one(reader).await?;
    let survey = row::Entity::find_by_id(invitation.survey_id).one(reader).await?;
    Ok(ticket.zip(survey).is_none_or(|(ticket, survey)| ticket.return_count != survey.round))
}

/// Plans to ask the applicant of a locked ticket.
///
/// # Errors
/// What the database says.
pub(super) async fn invite(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    person: &Person,
    ask_at: Time,
) -> Result<invitation::Model> {
    let survey = row::Model {
        id: SurveyId::new(tx.clock()),
        organization_id: ticket.organization_id,
        kind: row::SurveyKind::Completion,
        ticket_id: Some(ticket.id),
        round: ticket.return_count,
        question: question(&ticket.number, Locale::Ru),
        building_ids: None,
        by_phone: false,
        opens_at: ask_at,
        closes_at: None,
        spread_at: None,
        spread_after: None,
        created_by: tx.scope().actor_id(),
        created_at: tx.now(),
    };
    tx.insert(&survey).await?;
    // Who has worked since it was returned last: those are judged.
    tx.execute(
        "INSERT INTO survey_technician (survey_id, technician_id)
         SELECT DISTINCT s.id, a.technician_id FROM survey s
         JOIN visit v ON v.ticket_id = s.ticket_id JOIN visit_assignee a ON a.visit_id = v.id
         WHERE s.id = $1 AND v.status = 'done' AND NOT EXISTS
             (SELECT 1 FROM ticket_return r WHERE r.ticket_id = s.ticket_id AND r.returned_at >= v.ended_at)",
        [survey.id.0.into()],
    )
    .await?;
    let invitation = invitation::Model {
        id: InvitationId::new(tx.clock()),
        organization_id: ticket.organization_id,
        survey_id: survey.id,
        ticket_id: Some(ticket.id),
        building_id: ticket.building_id,
        resident_id: if let Person::Resident(resident) = person { Some(*resident) } else { None },
        phone: if let Person::Phone(phone) = person { Some(phone.clone()) } else { None },
        person: person.key(),
        state: InvitationState::Planned,
        next_at: Some(ask_at),
        asked_at: None,
        expires_at: None,
        notification_id: None,
        created_at: tx.now(),
        version: 1,
    };
    tx.insert(&invitation).await?;
    Ok(invitation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_sample_has_its_share() {
        // Identifiers as a clock makes them: one after another.
        let ids: Vec<TicketId> = (0..20_000_u128)
            .map(|number| {
                TicketId(Uuid::from_u128(0x0195_6000_0000_7000_8000_0000_0000_0000 + number * 7919))
            })
            .collect();
        for percent in [0_u16, 1, 10, 33, 50, 90, 100] {
            let taken = ids.iter().filter(|id| is_sampled(**id, percent)).count();
            let expected = 200 * usize::from(percent);
            // Four deviations of a fair dice, and a little.
            assert!(taken.abs_diff(expected) <= 300, "{percent} %: {taken} of {}", ids.len());
        }
    }

    proptest! {
        #[test]
        fn a_larger_sample_holds_the_smaller(id in any::<u128>(), less in 0_u16..=100, more in 0_u16..=100) {
            let id = TicketId(Uuid::from_u128(id));
            let (less, more) = (less.min(more), less.max(more));
            prop_assert!(!is_sampled(id, less) || is_sampled(id, more));
            prop_assert!(is_sampled(id, 100) && !is_sampled(id, 0));
        }
    }
}
