//! Estimates, what was done, what was paid.

use proptest::prelude::*;

use super::{
    estimate::{Answer, AnswerEstimate, EstimateItem, EstimateState, MakeEstimate, Offer, WantedLine, sum},
    line::{DoWork, DoWorkArgs},
    payment::{Note, NotePayment, PaymentKind, PaymentMethod},
    work::{self, CreateWork, PatchWork},
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    id::{UserId, WorkId, new_uuid},
    page::Patch,
    photo::fixture::House,
    text::{Line, Text},
    ticket::{self, TicketDocument},
};

fn admin(house: &House) -> Scope {
    Scope::staff(house.owner, UserId(new_uuid(&house.clock)), Role::Admin)
}

async fn new_work(house: &House) -> WorkId {
    let line = |text: &str| Line::parse(text).unwrap();
    let args = CreateWork {
        id: None,
        code: line("СМЕСИТЕЛЬ"),
        name: Line::parse("Замена смесителя").unwrap(),
        unit: Line::parse("шт.").unwrap(),
        price_minor: 120_000,
    };
    house.db.write(admin(house), work::Create { args }).await.unwrap().id
}

async fn document(house: &House, scope: Scope) -> TicketDocument {
    ticket::document(&house.db.reader(), &scope, house.ticket).await.unwrap()
}

async fn offer(house: &House, lines: Vec<(EstimateItem, &str)>) -> Result<()> {
    let lines = lines
        .into_iter()
        .map(|(item, quantity)| WantedLine {
            item,
            quantity: serde_json::from_value(quantity.into()).unwrap(),
        })
        .collect();
    let act = Offer { ticket: house.ticket, args: MakeEstimate { id: None, lines } };
    house.db.write(house.desk, act).await.map(drop)
}

async fn answer(house: &House, scope: Scope, agreed: bool, words: Option<&str>) -> Result<()> {
    let estimate = document(house, house.desk).await.estimates[0].id;
    let words = words.map(|words| Text::parse(words).unwrap());
    let act =
        Answer { ticket: house.ticket, estimate, args: AnswerEstimate { agreed, words, photo_id: None } };
    house.db.write(scope, act).await.map(drop)
}

async fn pay(house: &House, scope: Scope, kind: PaymentKind, sum_minor: i64) -> Result<()> {
    let args =
        NotePayment { id: None, kind, method: PaymentMethod::Card, sum_minor, note: None, paid_at: None };
    house.db.write(scope, Note { ticket: house.ticket, args }).await.map(drop)
}

fn code(result: Result<()>) -> Code {
    result.unwrap_err().code()
}

#[tokio::test]
async fn an_estimate_is_agreed_and_a_change_needs_a_new_word() {
    for house in House::each().await {
        let work = new_work(&house).await;
        let (mixer, pipe) = (EstimateItem::Work(work), EstimateItem::Material(house.pipe));
        offer(&house, vec![(mixer, "1"), (pipe, "1.5")]).await.unwrap();
        let seen = document(&house, house.resident).await;
        // 1200.00 and 1.5 m at 123.45, rounded half up.
        assert_eq!(seen.estimates[0].total_minor, 120_000 + 18_518);
        assert_eq!(code(answer(&house, house.desk, true, None).await), Code::InvalidField);
        assert_eq!(code(answer(&house, house.neighbour, true, None).await), Code::NotFound);
        answer(&house, house.resident, true, None).await.unwrap();
        assert_eq!(document(&house, house.desk).await.total.agreed_minor, Some(138_518));
        // The price list moves on; what was agreed to counts.
        let args = PatchWork { price_minor: Patch::Set(999_900), ..PatchWork::default() };
        house.db.write(admin(&house), work::Change { id: work, version: 1, args }).await.unwrap();
        let versions = super::versions(&house.db.reader(), work.0).await.unwrap();
        assert_eq!(versions.iter().map(|one| one.price_minor).collect::<Vec<_>>(), [999_900, 120_000]);
        let args = DoWorkArgs {
            line_id: None,
            work_id: work,
            quantity: serde_json::from_value("1".into()).unwrap(),
        };
        house.db.write(house.anna, DoWork { ticket: house.ticket, args: args.clone() }).await.unwrap();
        let seen = document(&house, house.resident).await.total;
        assert_eq!((seen.works_minor, seen.total_minor), (120_000, 120_000));
        offer(&house, vec![(mixer, "2")]).await.unwrap();
        let seen = document(&house, house.desk).await;
        let states: Vec<EstimateState> = seen.estimates.iter().map(|one| one.state).collect();
        assert_eq!(states, [EstimateState::Offered, EstimateState::Replaced]);
        assert_eq!(seen.total.agreed_minor, None, "the old word does not count for the new sum");
        answer(&house, house.desk, false, Some("Дорого.")).await.unwrap();
        assert_eq!(code(answer(&house, house.resident, true, None).await), Code::EstimateAnswered);
        for (lines, field) in [(vec![], "lines"), (vec![(mixer, "1"), (mixer, "2")], "lines[1].item")] {
            assert_eq!(offer(&house, lines).await.unwrap_err().fields()[0].field, field);
        }
        let strange = offer(&house, vec![(EstimateItem::Material(house.strange_pipe), "1")]).await;
        assert_eq!(code(strange), Code::NotFound);
        house.verify().await;
    }
}

#[tokio::test]
async fn payments_add_up_and_no_more_is_given_back() {
    for house in House::each().await {
        pay(&house, house.anna, PaymentKind::Payment, 50_000).await.unwrap();
        pay(&house, house.desk, PaymentKind::Payment, 25_000).await.unwrap();
        assert_eq!(code(pay(&house, house.anna, PaymentKind::Refund, 1).await), Code::Forbidden);
        assert_eq!(code(pay(&house, house.resident, PaymentKind::Payment, 1).await), Code::Forbidden);
        assert_eq!(code(pay(&house, house.desk, PaymentKind::Refund, 75_001).await), Code::InvalidField);
        assert_eq!(code(pay(&house, house.desk, PaymentKind::Payment, i64::MAX).await), Code::InvalidField);
        pay(&house, house.desk, PaymentKind::Refund, 75_000).await.unwrap();
        assert_eq!(document(&house, house.desk).await.total.paid_minor, 0);
        let racing = (0..8).map(|_| pay(&house, house.desk, PaymentKind::Payment, 10));
        futures_util::future::join_all(racing).await.into_iter().collect::<Result<Vec<()>, Error>>().unwrap();
        let refunds = (0..8).map(|_| pay(&house, house.desk, PaymentKind::Refund, 30));
        let given: usize =
            futures_util::future::join_all(refunds).await.iter().filter(|one| one.is_ok()).count();
        assert_eq!(given, 2, "of 80, twice 30 can be given back, whoever races");
        assert_eq!(document(&house, house.desk).await.total.paid_minor, 20);
        house.verify().await;
    }
}

proptest! {
    #[test]
    fn sums_are_exact_or_refused(minors in prop::collection::vec(any::<i64>(), 0..8)) {
        let exact: i128 = minors.iter().map(|minor| i128::from(*minor)).sum();
        // A partial sum that does not fit is refused even where the whole would: nothing wraps on the way.
        match sum(minors.iter().copied()) {
            Some(total) => prop_assert_eq!(i128::from(total), exact),
            None => {
                let mut partial = 0_i128;
                let overflows = minors.iter().any(|minor| {
                    partial += i128::from(*minor);
                    i64::try_from(partial).is_err()
                });
                prop_assert!(overflows);
            }
        }
    }
}
