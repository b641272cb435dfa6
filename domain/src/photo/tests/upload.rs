//! An upload from the first byte to the last, and the ways in which it can end otherwise.

use chrono::TimeDelta;

use super::{super::*, *};
use crate::{Clock as _, blob::Sha256Hash};

#[tokio::test]
async fn a_photo_comes_in_slices_and_is_received() {
    for house in House::each().await {
        let bytes = jpeg(10, 5000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        assert_eq!((upload.offset, upload.length), (0, 5000));
        assert_eq!(upload.expires_at, Some(house.clock.now() + TimeDelta::days(7)));

        house.clock.advance(TimeDelta::hours(5));
        let half =
            house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes[..2000])).await.unwrap();
        assert_eq!(half.offset, 2000);
        assert_eq!(half.expires_at, Some(house.clock.now() + TimeDelta::days(7)), "progress prolongs it");
        assert_eq!(code(served(&house, house.anna, args.photo_id).await), Code::NotFound);

        house.clock.advance(TimeDelta::hours(1));
        let done = house
            .transfers
            .append(house.anna, upload.upload, 2000, None, body(&bytes[2000..]))
            .await
            .unwrap();
        assert!(done.is_finished() && done.offset == 5000);
        let photo = document(&house, house.desk, args.photo_id).await;
        assert_eq!((photo.state, photo.media_type.as_deref()), (PhotoState::Received, Some("image/jpeg")));
        assert_eq!(photo.received_at, Some(house.clock.now()));
        assert_eq!(served(&house, house.desk, args.photo_id).await.unwrap(), bytes);
        assert!(!has_slices(&house).await);
        assert_eq!(rows(&house, "upload_slice").await, 0);

        for standing in [
            house.transfers.create(house.anna, new(&args)).await.unwrap(),
            house.transfers.resume(house.anna, upload.upload).await.unwrap(),
            house.transfers.append(house.anna, upload.upload, 5000, None, body(b"")).await.unwrap(),
        ] {
            assert_eq!((standing.upload, standing.offset, standing.expires_at), (upload.upload, 5000, None));
        }
        assert_eq!(told(&house, "photo.receive").await, 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn only_the_owner_goes_on() {
    for house in House::each().await {
        let bytes = jpeg(11, 300);
        let unsent = house.args(&bytes);
        house.add(house.anna, &unsent).await.unwrap();
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        for scope in [house.desk, house.boris, house.resident, house.neighbour, house.strange_desk] {
            assert_eq!(code(house.transfers.create(scope, new(&args)).await), Code::NotFound);
            assert_eq!(code(house.transfers.create(scope, new(&unsent)).await), Code::NotFound);
            assert_eq!(code(house.transfers.resume(scope, upload.upload).await), Code::NotFound);
            let sent = house.transfers.append(scope, upload.upload, 0, None, body(&bytes)).await;
            assert_eq!(code(sent), Code::NotFound);
            assert_eq!(code(house.transfers.end(scope, upload.upload).await), Code::NotFound);
        }
        assert_eq!(
            code(house.transfers.resume(Scope::system(house.stranger), upload.upload).await),
            Code::NotFound
        );
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
        for scope in [house.boris, house.neighbour, house.strange_desk] {
            assert_eq!(code(served(&house, scope, args.photo_id).await), Code::NotFound);
        }
        house.verify().await;
    }
}

#[tokio::test]
async fn an_upload_is_of_what_was_announced() {
    for house in House::each().await {
        let bytes = jpeg(12, 300);
        let (args, _) = begin(&house, house.anna, &bytes).await;
        let never = house.args(&bytes);
        assert_eq!(code(house.transfers.create(house.desk, new(&never)).await), Code::NotFound);
        let other = NewUpload { sha256: Sha256Hash::of(b"other"), ..new(&args) };
        assert_eq!(house.transfers.create(house.anna, other).await.unwrap_err().fields()[0].field, "sha256");
        let longer = NewUpload { length: 301, ..new(&args) };
        assert_eq!(house.transfers.create(house.anna, longer).await.unwrap_err().fields()[0].field, "bytes");
        let huge = NewUpload { length: MAX_PHOTO_BYTES + 1, ..new(&args) };
        assert_eq!(code(house.transfers.create(house.anna, huge).await), Code::TooLarge);
    }
}

#[tokio::test]
async fn what_was_announced_arrives_after_the_visit_was_taken_away() {
    for house in House::each().await {
        let bytes = jpeg(13, 300);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        house.cancel_visit().await;
        assert_eq!(code(house.add(house.anna, &house.args(b"pipe")).await), Code::NotFound);
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
        assert_eq!(served(&house, house.desk, args.photo_id).await.unwrap(), bytes);
        assert_eq!(code(served(&house, house.anna, args.photo_id).await), Code::NotFound);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_hang_up_keeps_what_came() {
    for house in House::each().await {
        let bytes = jpeg(14, 5000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        let id = upload.upload;
        let send = |offset, checksum, body| house.transfers.append(house.anna, id, offset, checksum, body);
        assert_eq!(send(0, None, cut(&bytes[..1500])).await.unwrap().offset, 1500);
        assert_eq!(send(1500, None, cut(b"")).await.unwrap().offset, 1500);
        // What came cannot be compared with the checksum of the whole.
        let checksum = Some(Sha256Hash::of(&bytes[1500..]));
        assert_eq!(code(send(1500, checksum, cut(&bytes[1500..3000])).await), Code::HashMismatch);
        assert_eq!(house.transfers.resume(house.anna, id).await.unwrap().offset, 1500);
        assert!(send(1500, checksum, body(&bytes[1500..])).await.unwrap().is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn wrong_offset_false_checksum_and_too_much_move_nothing() {
    for house in House::each().await {
        let bytes = jpeg(15, 3000);
        let (_, upload) = begin(&house, house.anna, &bytes).await;
        let send = |offset, checksum, body| {
            house.transfers.append(house.anna, upload.upload, offset, checksum, body)
        };
        assert_eq!(send(0, None, body(&bytes[..1000])).await.unwrap().offset, 1000);
        for offset in [0, 999, 1001, 3000, u64::MAX] {
            let refusal = send(offset, None, body(&bytes[1000..])).await.unwrap_err();
            assert_eq!((refusal.code(), &refusal.details()["offset"]), (Code::OffsetMismatch, &1000.into()));
        }
        let checksum = Some(Sha256Hash::of(b"other"));
        assert_eq!(code(send(1000, checksum, body(&bytes[1000..])).await), Code::HashMismatch);
        assert_eq!(code(send(1000, None, body(&[&bytes[1000..], b"!"].concat())).await), Code::TooLarge);
        assert_eq!(house.transfers.resume(house.anna, upload.upload).await.unwrap().offset, 1000);
        assert!(send(1000, None, body(&bytes[1000..])).await.unwrap().is_finished());
        house.verify().await;
    }
}

#[tokio::test]
async fn other_bytes_than_announced_start_anew() {
    for house in House::each().await {
        let (bytes, false_bytes) = (jpeg(16, 3000), jpeg(17, 3000));
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        let send = |offset, body| house.transfers.append(house.anna, upload.upload, offset, None, body);
        send(0, body(&bytes[..1000])).await.unwrap();
        assert_eq!(code(send(1000, body(&false_bytes[1000..])).await), Code::HashMismatch);
        assert_eq!(house.transfers.resume(house.anna, upload.upload).await.unwrap().offset, 0);
        assert_eq!(code(served(&house, house.anna, args.photo_id).await), Code::NotFound);
        assert_eq!(rows(&house, "blob").await, 0);
        assert!(send(0, body(&bytes)).await.unwrap().is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_lost_slice_starts_anew() {
    for house in House::each().await {
        let bytes = jpeg(18, 3000);
        let (_, upload) = begin(&house, house.anna, &bytes).await;
        let send = |offset, body| house.transfers.append(house.anna, upload.upload, offset, None, body);
        send(0, body(&bytes[..1000])).await.unwrap();
        std::fs::remove_dir_all(house.blobs.join("slices")).unwrap();
        assert_eq!(code(send(1000, body(&bytes[1000..])).await), Code::HashMismatch);
        assert!(send(0, body(&bytes)).await.unwrap().is_finished());
        house.verify().await;
    }
}

#[tokio::test]
async fn what_is_no_photo_is_refused_and_never_served() {
    for house in House::each().await {
        let page = b"<html><script>alert(1)</script></html>";
        let (args, upload) = begin(&house, house.anna, page).await;
        let sent = house.transfers.append(house.anna, upload.upload, 0, None, body(page)).await;
        assert_eq!(code(sent), Code::NotAPhoto);
        let photo = document(&house, house.desk, args.photo_id).await;
        assert_eq!(
            (photo.state, photo.refused_reason.as_deref()),
            (PhotoState::Refused, Some("not_a_photo"))
        );
        for scope in [house.anna, house.desk] {
            assert_eq!(code(served(&house, scope, args.photo_id).await), Code::NotFound);
        }
        assert_eq!(code(house.transfers.resume(house.anna, upload.upload).await), Code::NotAPhoto);
        assert_eq!(code(house.transfers.create(house.anna, new(&args)).await), Code::NotAPhoto);
        house.transfers.end(house.anna, upload.upload).await.unwrap();
        assert_eq!(code(house.transfers.create(house.anna, new(&args)).await), Code::NotAPhoto);
        assert!(house.transfers.blobs().list(None, 10).await.unwrap().is_empty());
        assert!(!has_slices(&house).await);
        assert!(counts(&house.db.reader(), house.ticket).await.unwrap().is_empty());
        // The same bytes again are no photo either: nothing of them is kept that could be rested on.
        assert!(!is_received(&house.add(house.anna, &house.args(page)).await.unwrap()));
        house.verify().await;
    }
}

#[tokio::test]
async fn an_upload_is_ended_by_its_owner() {
    for house in House::each().await {
        let bytes = jpeg(19, 3000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        let send = |id, offset, body| house.transfers.append(house.anna, id, offset, None, body);
        send(upload.upload, 0, body(&bytes[..1000])).await.unwrap();
        house.transfers.end(house.anna, upload.upload).await.unwrap();
        assert!(!has_slices(&house).await);
        assert_eq!(code(house.transfers.end(house.anna, upload.upload).await), Code::UploadGone);
        assert_eq!(code(house.transfers.resume(house.anna, upload.upload).await), Code::UploadGone);
        assert_eq!(code(send(upload.upload, 1000, body(&bytes[1000..])).await), Code::UploadGone);

        let second = house.transfers.create(house.anna, new(&args)).await.unwrap();
        assert_eq!(second.offset, 0);
        send(second.upload, 0, body(&bytes)).await.unwrap();
        // A photo that is received stays received.
        house.transfers.end(house.anna, second.upload).await.unwrap();
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        assert!(house.transfers.create(house.anna, new(&args)).await.unwrap().is_finished());
        house.verify().await;
    }
}

#[tokio::test]
async fn an_upload_without_progress_expires() {
    for house in House::each().await {
        let bytes = jpeg(20, 3000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        let (_, other) = begin(&house, house.resident, &bytes).await;
        let send = |id, offset, body| house.transfers.append(house.anna, id, offset, None, body);
        send(upload.upload, 0, body(&bytes[..1000])).await.unwrap();
        let system = Scope::system(house.owner);
        house.clock.advance(TimeDelta::days(UPLOAD_DAYS) - TimeDelta::microseconds(1));
        house.transfers.resume(house.anna, upload.upload).await.unwrap();
        assert_eq!(organizations_to_sweep(&house.db).await.unwrap(), []);
        assert_eq!(sweep_uploads(&house.transfers, system, 10).await.unwrap(), Swept::default());

        house.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(code(house.transfers.resume(house.anna, upload.upload).await), Code::UploadGone);
        assert_eq!(code(send(upload.upload, 1000, body(&bytes[1000..])).await), Code::UploadGone);
        // Nobody has swept yet, and still the photo can be sent anew.
        let again = house.transfers.create(house.anna, new(&args)).await.unwrap();
        assert!(again.upload != upload.upload && again.offset == 0);
        assert!(!has_slices(&house).await);

        assert_eq!(organizations_to_sweep(&house.db).await.unwrap(), [house.owner]);
        assert_eq!(code(sweep_uploads(&house.transfers, house.desk, 10).await), Code::Forbidden);
        let stranger = Scope::system(house.stranger);
        assert_eq!(sweep_uploads(&house.transfers, stranger, 10).await.unwrap(), Swept::default());
        let swept = sweep_uploads(&house.transfers, system, 1).await.unwrap();
        assert_eq!(swept, Swept { ended: 1, judged: 0, more: true });
        assert_eq!(sweep_uploads(&house.transfers, system, 1).await.unwrap(), Swept::default());
        assert_eq!(code(house.transfers.resume(house.resident, other.upload).await), Code::UploadGone);

        assert!(send(again.upload, 0, body(&bytes)).await.unwrap().is_finished());
        assert_eq!(still_to_come(&house).await, 1, "the resident's is still expected");
        house.verify().await;
    }
}

#[tokio::test]
async fn slices_without_an_open_upload_are_swept() {
    for house in House::each().await {
        let bytes = jpeg(21, 3000);
        let (_, upload) = begin(&house, house.anna, &bytes).await;
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes[..1000])).await.unwrap();
        let blobs = house.transfers.blobs();
        for organization in [house.owner, house.stranger] {
            let dead =
                crate::blob::UploadKey { organization, upload: crate::id::UploadId::new(&house.clock) };
            blobs.put_slice(&dead.slice(0, 1), body(b"left behind"), 100).await.unwrap();
        }
        let (mut after, mut pages) = (None, 0);
        while let Some(last) = sweep_slices(&house.transfers, after, 1).await.unwrap() {
            (after, pages) = (Some(last), pages + 1);
        }
        assert_eq!(pages, 3);
        let left = blobs.list_uploads(None, 10).await.unwrap();
        assert_eq!(left.iter().map(|key| key.upload).collect::<Vec<_>>(), [upload.upload]);
        assert!(
            house
                .transfers
                .append(house.anna, upload.upload, 1000, None, body(&bytes[1000..]))
                .await
                .unwrap()
                .is_finished()
        );
    }
}
