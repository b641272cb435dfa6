//! What is announced, by whom, and until when.

use uuid::Uuid;

use super::{super::*, *};
use crate::{
    catalogue::PhotoKind,
    id::{VisitId, new_uuid},
    ticket::Status,
};

#[tokio::test]
async fn the_same_photo_again_is_the_same_photo() {
    for house in House::each().await {
        let args = house.args(b"pipe");
        let first = house.add(house.anna, &args).await.unwrap();
        assert_eq!(first.state, PhotoState::Expected);
        assert_eq!(house.add(house.anna, &args).await.unwrap(), first);
        let other = AddPhotoArgs { photo_id: args.photo_id, ..house.args(b"another pipe") };
        assert_eq!(code(house.add(house.anna, &other).await), Code::AlreadyExists);
        assert_eq!(told(&house, "photo.add").await, 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn the_crew_the_desk_and_the_resident_add_photos_and_nobody_else() {
    for house in House::each().await {
        for scope in [house.anna, house.desk, house.resident] {
            house.add(scope, &house.args(b"pipe")).await.unwrap();
        }
        for scope in [house.boris, house.neighbour, house.strange_desk] {
            assert_eq!(code(house.add(scope, &house.args(b"pipe")).await), Code::NotFound);
        }
        let machine =
            Scope::staff(house.owner, crate::id::UserId(Uuid::nil()), crate::auth::Role::Integration);
        assert_eq!(code(house.add(machine, &house.args(b"pipe")).await), Code::Forbidden);
        for (kind, allowed) in [
            (PhotoKind::Before, true),
            (PhotoKind::Other, true),
            (PhotoKind::After, false),
            (PhotoKind::Act, false),
            (PhotoKind::Reading, false),
            (PhotoKind::NoAccess, false),
        ] {
            let args = AddPhotoArgs { kind, ..house.args(b"pipe") };
            assert_eq!(house.add(house.resident, &args).await.is_ok(), allowed, "{kind:?}");
        }
        house.verify().await;
    }
}

#[tokio::test]
async fn a_closed_ticket_takes_what_was_announced_and_nothing_new() {
    for house in House::each().await {
        let bytes = jpeg(1, 3000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        house.edit(|ticket, _| ticket.status = Status::Completed).await;
        house.add(house.anna, &house.args(b"evidence may come late")).await.unwrap();
        for status in [
            (|ticket: &mut crate::ticket::row::Model, _| ticket.status = Status::Closed) as fn(&mut _, _),
            |ticket, _| ticket.status = Status::Cancelled,
        ] {
            house.edit(status).await;
            let refusal = house.add(house.desk, &house.args(b"too late")).await.unwrap_err();
            assert_eq!(refusal.code(), Code::IllegalMove);
            assert!(refusal.details().contains_key("legal"));
            assert!(!is_received(&house.add(house.anna, &args).await.unwrap()), "announced before");
        }
        let done = house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
        assert!(done.is_finished());
        house.verify().await;
    }
}

#[tokio::test]
async fn what_is_not_acceptable_is_named() {
    for house in House::each().await {
        let good = house.args(b"pipe");
        let position = |latitude, accuracy_m| {
            Some(PhotoPosition { latitude, longitude: 37.6, accuracy_m: Some(accuracy_m) })
        };
        for (args, field) in [
            (AddPhotoArgs { photo_id: PhotoId(Uuid::from_u128(1)), ..good.clone() }, "photo_id"),
            (AddPhotoArgs { bytes: 0, ..good.clone() }, "bytes"),
            (AddPhotoArgs { position: position(91.0, 1.0), ..good.clone() }, "position.latitude"),
            (AddPhotoArgs { position: position(1.0, -1.0), ..good.clone() }, "position.accuracy_m"),
            (AddPhotoArgs { position: position(1.0, f64::NAN), ..good.clone() }, "position.accuracy_m"),
        ] {
            let refusal = house.add(house.anna, &args).await.unwrap_err();
            assert_eq!(refusal.fields()[0].field, field);
        }
        let large = AddPhotoArgs { bytes: MAX_PHOTO_BYTES + 1, ..good.clone() };
        assert_eq!(code(house.add(house.anna, &large).await), Code::TooLarge);
        let largest = AddPhotoArgs { bytes: MAX_PHOTO_BYTES, ..house.args(b"pipe") };
        house.add(house.anna, &largest).await.unwrap();
        let elsewhere = AddPhotoArgs { visit_id: Some(VisitId(new_uuid(&house.clock))), ..good.clone() };
        assert_eq!(code(house.add(house.anna, &elsewhere).await), Code::NotFound);
        let here = AddPhotoArgs { visit_id: Some(house.visit), ..good };
        house.add(house.anna, &here).await.unwrap();
        house.verify().await;
    }
}

#[tokio::test]
async fn the_position_is_for_staff() {
    for house in House::each().await {
        let position = PhotoPosition { latitude: 55.751_244, longitude: 37.618_423, accuracy_m: Some(11.2) };
        let args = AddPhotoArgs { position: Some(position), ..house.args(b"pipe") };
        house.add(house.anna, &args).await.unwrap();
        let kept = PhotoPosition { accuracy_m: Some(12.0), ..position };
        assert_eq!(document(&house, house.desk, args.photo_id).await.position, Some(kept));
        assert_eq!(document(&house, house.resident, args.photo_id).await.position, None);
        house.verify().await;
    }
}

#[tokio::test]
async fn content_that_is_kept_already_needs_no_second_upload() {
    for house in House::each().await {
        let bytes = jpeg(2, 2500);
        let (first, upload) = begin(&house, house.anna, &bytes).await;
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();

        let second = AddPhotoArgs { kind: PhotoKind::After, ..house.args(&bytes) };
        assert!(is_received(&house.add(house.desk, &second).await.unwrap()));
        assert_eq!(served(&house, house.desk, second.photo_id).await.unwrap(), bytes);
        let standing = house.transfers.create(house.desk, new(&second)).await.unwrap();
        assert!(standing.is_finished() && standing.offset == 2500);

        let false_length = AddPhotoArgs { bytes: 2501, ..house.args(&bytes) };
        assert_eq!(house.add(house.desk, &false_length).await.unwrap_err().fields()[0].field, "bytes");

        // A resident who learnt a hash does not get at the photo by it.
        let theirs = house.args(&bytes);
        assert!(!is_received(&house.add(house.resident, &theirs).await.unwrap()));
        assert_eq!(code(served(&house, house.resident, theirs.photo_id).await), Code::NotFound);
        assert_eq!(code(served(&house, house.resident, first.photo_id).await), Code::Forbidden);

        // Nor does the technician of a contractor.
        house
            .edit(|ticket, stranger| {
                ticket.set_executor(crate::ticket::Executor::Contractor { organization_id: stranger });
            })
            .await;
        assert!(!is_received(&house.add(house.strange_desk, &house.args(&bytes)).await.unwrap()));
        assert_eq!(rows(&house, "blob").await, 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn what_is_still_to_come_counts_as_evidence() {
    for house in House::each().await {
        let bytes = jpeg(3, 100);
        let (_, upload) = begin(&house, house.anna, &bytes).await;
        let after = AddPhotoArgs { kind: PhotoKind::After, ..house.args(b"pipe") };
        house.add(house.anna, &after).await.unwrap();
        let reader = house.db.reader();
        assert_eq!(still_to_come(&house).await, 2);
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
        assert_eq!(still_to_come(&house).await, 1);
        let counted = counts(&reader, house.ticket).await.unwrap();
        assert_eq!(Vec::from_iter(counted), [(PhotoKind::Before, 1), (PhotoKind::After, 1)]);
        house.verify().await;
    }
}
