//! What a link opens, and what it does not.

use chrono::TimeDelta;

use super::{Create, Revoke, document, list, open};
use crate::{
    Clock as _, Code, Scope,
    id::new_uuid,
    photo::fixture::House,
    ticket::{self, Accept},
};

async fn token(house: &House) -> (crate::id::TrackId, String) {
    let made = house.db.write(house.desk, Create { ticket: house.ticket }).await.unwrap();
    (made.id, made.path.trim_start_matches("/v1/track/").to_owned())
}

#[tokio::test]
async fn a_link_opens_one_ticket_until_it_is_revoked_or_over() {
    for house in House::each().await {
        let (id, token) = token(&house).await;
        let reader = house.db.reader();
        let (scope, ticket) = open(&reader, &token, house.clock.now()).await.unwrap();
        assert_eq!(ticket, house.ticket);
        let seen = document(&reader, &scope, ticket).await.unwrap();
        assert!(!seen.number.is_empty() && !seen.can_accept);
        // The scope of a link sees nothing else.
        let strange = ticket::find(&reader, &scope, crate::id::TicketId(new_uuid(&house.clock))).await;
        assert_eq!(strange.unwrap_err().code(), Code::NotFound);
        let other = Scope::link(house.stranger, id, house.ticket);
        assert_eq!(ticket::find(&reader, &other, house.ticket).await.unwrap_err().code(), Code::NotFound);
        for forged in ["", "ntl_", &token[..token.len() - 1], &format!("{token}A"), &token.to_uppercase()] {
            assert_eq!(open(&reader, forged, house.clock.now()).await.unwrap_err().code(), Code::NotFound);
        }
        let late = house.clock.now() + TimeDelta::days(366);
        assert_eq!(open(&reader, &token, late).await.unwrap_err().code(), Code::NotFound);
        for scope in [house.anna, house.resident] {
            let refused = house.db.write(scope, Create { ticket: house.ticket }).await.unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
        assert_eq!(list(&reader, &house.desk, house.ticket).await.unwrap().len(), 1);
        house.db.write(house.desk, Revoke { ticket: house.ticket, link: id }).await.unwrap();
        house.db.write(house.desk, Revoke { ticket: house.ticket, link: id }).await.unwrap();
        assert_eq!(
            open(&house.db.reader(), &token, house.clock.now()).await.unwrap_err().code(),
            Code::NotFound
        );
        house.verify().await;
    }
}

#[tokio::test]
async fn a_link_accepts_completed_work_once() {
    for house in House::each().await {
        let (_, token) = token(&house).await;
        let (scope, ticket) = open(&house.db.reader(), &token, house.clock.now()).await.unwrap();
        let early = house.db.write(scope, Accept { ticket }).await.unwrap_err();
        assert_eq!(early.code(), Code::IllegalMove);
        house.edit(|ticket, _| ticket.status = ticket::Status::Completed).await;
        house.db.write(scope, Accept { ticket }).await.unwrap();
        assert_eq!(house.db.write(scope, Accept { ticket }).await.unwrap_err().code(), Code::IllegalMove);
        house.verify().await;
    }
}
