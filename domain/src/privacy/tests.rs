//! Erasure leaves the facts and takes the person; looks are kept.

use std::sync::Arc;

use super::{Ground, Keep, PersonalRead, ReadSubject, erase, list_reads, preview};
use crate::{
    Clock as _, Code, Scope,
    auth::Role,
    id::{UserId, new_uuid},
    journal::{self, Subject, SubjectKind},
    photo::{Size, find, fixture::House},
    ticket,
};

fn admin(house: &House) -> Scope {
    Scope::staff(house.owner, UserId(new_uuid(&house.clock)), Role::Admin)
}

#[tokio::test]
async fn a_person_is_erased_and_the_proofs_hold() {
    for house in House::each().await {
        let resident = house.resident.resident_id().unwrap();
        house
            .edit(|ticket, _| {
                ticket.applicant_name = Some("Иванова Анна".to_owned());
                ticket.applicant_phone = Some("+79120000000".to_owned());
            })
            .await;
        let bytes = b"\xff\xd8\xff\xe0 the picture of a flat";
        let args = house.args(bytes);
        house.add(house.resident, &args).await.unwrap();
        let upload =
            crate::photo::NewUpload { photo: args.photo_id, sha256: args.sha256, length: args.bytes };
        let upload = house.transfers.create(house.resident, upload).await.unwrap();
        let body = crate::blob::contract::body(&bytes::Bytes::copy_from_slice(bytes), 10);
        house.transfers.append(house.resident, upload.upload, 0, None, body).await.unwrap();
        let chain = Subject::new(SubjectKind::Ticket, house.ticket);
        let receipt = journal::head(&house.db.reader(), chain).await.unwrap().unwrap();
        let blobs = Arc::clone(house.transfers.blobs());
        let admin = admin(&house);
        for scope in [house.desk, house.anna, house.resident] {
            let refused = erase(&house.db, &blobs, scope, resident, Ground::Request).await.unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
        let told = preview(&house.db.reader(), &admin, resident).await.unwrap();
        assert!(told.tickets == 1 && told.photos == 1 && told.values > 0, "{told:?}");
        let erased = erase(&house.db, &blobs, admin, resident, Ground::Request).await.unwrap();
        assert_eq!((erased.tickets, erased.objects), (1, 1));
        let seen = ticket::document(&house.db.reader(), &house.desk, house.ticket).await.unwrap();
        assert_eq!((seen.applicant_name, seen.applicant_phone), (None, None));
        assert_eq!(seen.description, "Удалено");
        assert!(!seen.number.is_empty() && seen.photos.is_empty());
        let gone = find(&house.db.reader(), &house.desk, args.photo_id, Size::Original).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        assert!(!blobs.exists(house.owner, &args.sha256).await.unwrap());
        // The receipt from before is a link of the chain still, and every chain verifies.
        #[derive(sea_orm::FromQueryResult)]
        struct Found {
            seq: i64,
        }
        let hash = hex::decode(&receipt).unwrap();
        let sql = "SELECT seq FROM event WHERE subject_id = $1 AND hash = $2";
        let found = house.db.reader().one::<Found>(sql, [house.ticket.0.into(), hash.into()]).await.unwrap();
        assert!(found.is_some_and(|found| found.seq > 0));
        house.verify().await;
        // The neighbour keeps what is his, and a second time does nothing more.
        let neighbour = house.neighbour.resident_id().unwrap();
        let other = crate::people::resident::name_of(&house.db.reader(), neighbour).await.unwrap();
        assert_ne!(other, "Удалено");
        let before = journal::head(&house.db.reader(), chain).await.unwrap();
        let again = erase(&house.db, &blobs, admin, resident, Ground::Request).await.unwrap();
        assert_eq!(again.objects, 0);
        assert_eq!(journal::head(&house.db.reader(), chain).await.unwrap(), before);
        house.verify().await;
    }
}

#[tokio::test]
async fn looks_are_kept_and_shown_to_the_administrator() {
    for house in House::each().await {
        let resident = house.resident.resident_id().unwrap();
        let at = house.clock.now();
        let look = |scope: Scope, subject| PersonalRead::of(&scope, "get_ticket", subject, at);
        assert_eq!(look(house.resident, ReadSubject::Ticket(house.ticket)), None, "his own");
        assert_eq!(look(Scope::system(house.owner), ReadSubject::Ticket(house.ticket)), None);
        let mut reads: Vec<PersonalRead> =
            (0..40).filter_map(|_| look(house.desk, ReadSubject::Ticket(house.ticket))).collect();
        reads.extend(look(house.anna, ReadSubject::Resident(resident)));
        house.db.write(Scope::system(house.owner), Keep { reads }).await.unwrap();
        let reader = house.db.reader();
        let page = list_reads(&reader, &admin(&house), resident, &Default::default()).await.unwrap();
        assert_eq!(page.items.len(), 41);
        assert_eq!(page.items.iter().filter(|read| read.ticket_id.is_none()).count(), 1);
        let neighbour = house.neighbour.resident_id().unwrap();
        let none = list_reads(&reader, &admin(&house), neighbour, &Default::default()).await.unwrap();
        assert!(none.items.is_empty());
        let refused = list_reads(&reader, &house.desk, resident, &Default::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        house.clock.advance(chrono::TimeDelta::days(366));
        assert_eq!(super::sweep_reads(&house.db).await.unwrap(), 41);
    }
}
