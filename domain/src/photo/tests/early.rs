//! Bytes that come before their photo is announced.

use chrono::TimeDelta;

use super::{super::*, *};
use crate::{auth::Role, blob::Sha256Hash, id::UserId};

/// Sends all bytes of a photo that nobody has announced.
async fn send(house: &House, scope: Scope, args: &AddPhotoArgs, bytes: &[u8]) -> Progress {
    let upload = house.transfers.create(scope, new(args)).await.unwrap();
    house.transfers.append(scope, upload.upload, 0, None, body(bytes)).await.unwrap()
}

/// What the worker does when nobody comes back.
async fn sweep(house: &House) -> Swept {
    sweep_uploads(&house.transfers, Scope::system(house.owner), 50).await.unwrap()
}

/// Runs the jobs that look at early uploads.
async fn judge_all(house: &House) {
    #[derive(sea_orm::FromQueryResult)]
    struct Job {
        organization_id: crate::id::OrganizationId,
        payload: serde_json::Value,
    }
    let sql = "SELECT organization_id, payload FROM job WHERE kind = 'upload_judge' ORDER BY id";
    for job in house.db.reader().all::<Job>(sql, []).await.unwrap() {
        let job_of = serde_json::from_value(job.payload).unwrap();
        judge_early(&house.transfers, Scope::system(job.organization_id), job_of).await.unwrap();
    }
}

#[tokio::test]
async fn bytes_wait_for_their_photo() {
    for house in House::each().await {
        let bytes = jpeg(50, 3000);
        let args = house.args(&bytes);
        let waits = send(&house, house.anna, &args, &bytes).await;
        assert_eq!((waits.offset, waits.is_finished()), (3000, false));
        let asked = house.transfers.resume(house.anna, waits.upload).await.unwrap();
        assert_eq!((asked.offset, asked.is_finished()), (3000, false));
        assert_eq!(code(served(&house, house.anna, args.photo_id).await), Code::NotFound);
        assert_eq!(sweep(&house).await, Swept::default(), "nothing to judge them by");

        let photo = house.add(house.anna, &args).await.unwrap();
        assert_eq!(photo.state, PhotoState::Expected);
        judge_all(&house).await;
        assert_eq!(document(&house, house.desk, args.photo_id).await.state, PhotoState::Received);
        assert_eq!(served(&house, house.desk, args.photo_id).await.unwrap(), bytes);
        assert!(house.transfers.create(house.anna, new(&args)).await.unwrap().is_finished());
        assert!(!has_slices(&house).await);
        judge_all(&house).await;
        assert_eq!(told(&house, "photo.receive").await, 1);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_photo_is_announced_between_its_bytes() {
    for house in House::each().await {
        let bytes = jpeg(51, 3000);
        let args = house.args(&bytes);
        let upload = house.transfers.create(house.anna, new(&args)).await.unwrap().upload;
        house.transfers.append(house.anna, upload, 0, None, body(&bytes[..1000])).await.unwrap();
        house.add(house.anna, &args).await.unwrap();
        judge_all(&house).await;
        let done =
            house.transfers.append(house.anna, upload, 1000, None, body(&bytes[1000..])).await.unwrap();
        assert!(done.is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn wrong_bytes_are_found_out_when_the_photo_is_announced() {
    for house in House::each().await {
        let (bytes, wrong, text) = (jpeg(52, 800), jpeg(53, 800), contract::noise(54, 800));
        let (args, none) = (house.args(&bytes), house.args(&text));
        let upload = send(&house, house.anna, &args, &wrong).await.upload;
        send(&house, house.anna, &none, &text).await;
        for args in [&args, &none] {
            house.add(house.anna, args).await.unwrap();
        }
        judge_all(&house).await;
        assert_eq!(house.transfers.resume(house.anna, upload).await.unwrap().offset, 0);
        assert_eq!(document(&house, house.desk, args.photo_id).await.state, PhotoState::Expected);
        assert_eq!(document(&house, house.desk, none.photo_id).await.state, PhotoState::Refused);
        assert!(
            house.transfers.append(house.anna, upload, 0, None, body(&bytes)).await.unwrap().is_finished()
        );
        house.verify().await;
    }
}

#[tokio::test]
async fn what_was_announced_otherwise_is_sent_anew() {
    for house in House::each().await {
        let (bytes, before) = (jpeg(55, 700), jpeg(56, 600));
        let args = house.args(&bytes);
        let other = AddPhotoArgs { sha256: Sha256Hash::of(&before), bytes: 600, ..args.clone() };
        let early = send(&house, house.anna, &other, &before).await.upload;
        house.add(house.anna, &args).await.unwrap();
        judge_all(&house).await;
        assert_eq!(
            house.transfers.create(house.anna, new(&other)).await.unwrap_err().fields()[0].field,
            "sha256"
        );
        let upload = house.transfers.create(house.anna, new(&args)).await.unwrap();
        assert!(upload.upload != early && upload.offset == 0);
        assert_eq!(code(house.transfers.resume(house.anna, early).await), Code::UploadGone);
        assert!(!has_slices(&house).await);
        house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn whoever_takes_an_identifier_first_keeps_nobody_from_it() {
    for house in House::each().await {
        let (bytes, other) = (jpeg(57, 500), jpeg(58, 400));
        let args = house.args(&bytes);
        let taken = AddPhotoArgs { sha256: Sha256Hash::of(&other), bytes: 400, ..args.clone() };
        send(&house, house.boris, &taken, &other).await;
        send(&house, house.boris, &house.args(&bytes), &bytes).await;
        for scope in [house.desk, house.resident, house.neighbour, house.strange_desk] {
            assert_eq!(code(house.transfers.create(scope, new(&args)).await), Code::NotFound);
        }
        send(&house, house.anna, &args, &bytes).await;
        house.add(house.anna, &args).await.unwrap();
        judge_all(&house).await;
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        assert_eq!(code(house.transfers.create(house.boris, new(&taken)).await), Code::NotFound);
        house.clock.advance(TimeDelta::days(7));
        assert_eq!(sweep(&house).await, Swept { ended: 2, judged: 0, more: false });
        assert!(!has_slices(&house).await);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_contractors_early_bytes_belong_where_the_photo_does() {
    for house in House::each().await {
        let bytes = jpeg(59, 900);
        let args = house.args(&bytes);
        let abroad = Scope::staff(house.stranger, UserId(house.anna.actor_id()), Role::Technician);
        send(&house, abroad, &args, &bytes).await;
        house.add(house.anna, &args).await.unwrap();
        judge_all(&house).await;
        assert_eq!(served(&house, house.desk, args.photo_id).await.unwrap(), bytes);
        let blobs = house.transfers.blobs();
        assert!(!blobs.exists(house.stranger, &args.sha256).await.unwrap());
        assert!(!has_slices(&house).await);
        house.verify().await;
    }
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    for house in House::each().await {
        let bytes = jpeg(60, 100);
        let first = house.args(&bytes);
        house.transfers.create(house.anna, new(&first)).await.unwrap();
        for _ in 1..EARLY_UPLOADS {
            house.transfers.create(house.anna, new(&house.args(&bytes))).await.unwrap();
        }
        let next = house.args(&bytes);
        assert_eq!(code(house.transfers.create(house.anna, new(&next)).await), Code::TooManyRequests);
        house.transfers.create(house.anna, new(&first)).await.unwrap();
        house.transfers.create(house.boris, new(&next)).await.unwrap();
        house.add(house.anna, &first).await.unwrap();
        house.transfers.create(house.anna, new(&next)).await.unwrap();
    }
}

/// Whichever of the two is first: the photo is received, at the latest when the worker looks.
#[tokio::test]
async fn the_last_byte_races_the_announcement() {
    for house in House::each().await {
        for round in 0..32 {
            let bytes = jpeg(100 + round, 300);
            let args = house.args(&bytes);
            let upload = house.transfers.create(house.anna, new(&args)).await.unwrap().upload;
            let last = house.transfers.append(house.anna, upload, 0, None, body(&bytes));
            let (sent, added) = tokio::join!(last, house.add(house.anna, &args));
            assert_eq!((sent.unwrap().offset, added.is_ok()), (300, true));
            judge_all(&house).await;
            assert_eq!(document(&house, house.desk, args.photo_id).await.state, PhotoState::Received);
        }
        assert_eq!(still_to_come(&house).await, 0);
        house.verify().await;
    }
}

/// The first byte races the announcement: neither may see the other, and the sweep sees both.
#[tokio::test]
async fn the_first_byte_races_the_announcement() {
    for house in House::each().await {
        for round in 0..32 {
            let bytes = jpeg(200 + round, 300);
            let args = house.args(&bytes);
            let whole = async {
                let upload = house.transfers.create(house.anna, new(&args)).await.unwrap().upload;
                house.transfers.append(house.anna, upload, 0, None, body(&bytes)).await
            };
            let (sent, added) = tokio::join!(whole, house.add(house.anna, &args));
            assert_eq!((sent.unwrap().offset, added.is_ok()), (300, true));
        }
        judge_all(&house).await;
        sweep(&house).await;
        assert_eq!(still_to_come(&house).await, 0);
        assert!(!has_slices(&house).await);
        house.verify().await;
    }
}
