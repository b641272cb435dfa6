//! Two at once: connections, nodes, the collector.

use proptest::prelude::*;
use tokio::task::JoinHandle;

use super::{
    super::{
        content::Format,
        receive::{Receive, Received},
        upload::{Advance, Resume},
        *,
    },
    *,
};
use crate::id::UploadId;

/// Sends from `offset` in a task of its own, and returns when the first of the chunks is being received.
async fn sending(
    house: &House,
    id: UploadId,
    offset: u64,
    chunks: [&[u8]; 2],
) -> (mpsc::Sender<io::Result<Bytes>>, JoinHandle<Result<Progress>>) {
    let (sender, body) = by_hand();
    let (transfers, anna) = (house.transfers.clone(), house.anna);
    let task = tokio::spawn(async move { transfers.append(anna, id, offset, None, body).await });
    for chunk in chunks {
        sender.send(Ok(Bytes::copy_from_slice(chunk))).await.unwrap();
    }
    (sender, task)
}

#[tokio::test]
async fn of_two_that_send_from_one_offset_the_later_moves_it() {
    for house in House::each().await {
        let bytes = jpeg(30, 4000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        let (early, first) = sending(&house, upload.upload, 0, [&bytes[..1000], &bytes[1000..2000]]).await;
        let (late, second) = sending(&house, upload.upload, 0, [&bytes[..500], &bytes[500..1500]]).await;
        drop(late);
        assert_eq!(second.await.unwrap().unwrap().offset, 1500);
        drop(early);
        let refusal = first.await.unwrap().unwrap_err();
        assert_eq!((refusal.code(), &refusal.details()["offset"]), (Code::OffsetMismatch, &1500.into()));
        let rest = house.transfers.append(house.anna, upload.upload, 1500, None, body(&bytes[1500..])).await;
        assert!(rest.unwrap().is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn whoever_asks_where_to_go_on_stops_what_was_being_sent() {
    for house in House::each().await {
        let bytes = jpeg(31, 4000);
        let (args, upload) = begin(&house, house.anna, &bytes).await;
        for ask_again in [false, true] {
            let (old, sent) = sending(&house, upload.upload, 0, [&bytes[..1000], &bytes[1000..4000]]).await;
            let standing = match ask_again {
                false => house.transfers.resume(house.anna, upload.upload).await.unwrap(),
                true => house.transfers.create(house.anna, new(&args)).await.unwrap(),
            };
            assert_eq!((standing.upload, standing.offset), (upload.upload, 0));
            drop(old);
            assert_eq!(code(sent.await.unwrap()), Code::OffsetMismatch);
        }
        let (_, whole) = sending(&house, upload.upload, 0, [&bytes[..1], &bytes[1..]]).await;
        assert!(whole.await.unwrap().unwrap().is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_slice_that_comes_after_the_end_is_removed() {
    for house in House::each().await {
        let bytes = jpeg(32, 2000);
        let (_, upload) = begin(&house, house.anna, &bytes).await;
        let (late, sent) = sending(&house, upload.upload, 0, [&bytes[..500], &bytes[500..1000]]).await;
        house.transfers.end(house.anna, upload.upload).await.unwrap();
        drop(late);
        assert_eq!(code(sent.await.unwrap()), Code::UploadGone);
        assert!(!has_slices(&house).await);
        house.verify().await;
    }
}

/// All bytes are here, and the node that took the last one died before it judged them.
async fn full(house: &House, bytes: &[u8], announced: &[u8]) -> (AddPhotoArgs, UploadId) {
    let (args, upload) = begin(house, house.anna, announced).await;
    let id = upload.upload;
    let claimed = house.db.write(house.anna, Resume { upload: id, offset: Some(0) }).await.unwrap();
    let slice = claimed.key().slice(0, claimed.epoch.unsigned_abs());
    house.transfers.blobs().put_slice(&slice, body(bytes), 1 << 20).await.unwrap();
    let advance = Advance { upload: claimed, bytes: i64::try_from(bytes.len()).unwrap() };
    assert!(house.db.write(house.anna, advance).await.unwrap().is_full());
    (args, id)
}

#[tokio::test]
async fn two_nodes_finish_at_once_and_both_say_so() {
    for house in House::each().await {
        for seed in 33..38 {
            let bytes = jpeg(seed, 3000);
            let (args, id) = full(&house, &bytes, &bytes).await;
            let other_node = Transfers::new(house.db.clone(), std::sync::Arc::clone(house.transfers.blobs()));
            let (one, two, three) = tokio::join!(
                house.transfers.resume(house.anna, id),
                other_node.resume(house.anna, id),
                other_node.append(house.anna, id, 3000, None, body(b"")),
            );
            for standing in [one, two, three] {
                assert!(standing.unwrap().is_finished());
            }
            assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        }
        assert_eq!(told(&house, "photo.receive").await, 5);
        assert_eq!(rows(&house, "blob").await, 5);
        house.verify().await;
    }
}

#[tokio::test]
async fn two_nodes_find_other_bytes_and_it_starts_anew_once() {
    for house in House::each().await {
        let bytes = jpeg(40, 3000);
        let (args, id) = full(&house, &jpeg(41, 3000), &bytes).await;
        let (one, two) =
            tokio::join!(house.transfers.resume(house.anna, id), house.transfers.resume(house.anna, id));
        // Whoever comes after the restart may see only that it stands at 0.
        let judged = |result: &Result<Progress>| match result {
            Ok(standing) => standing.offset == 0 && !standing.is_finished(),
            Err(error) => error.code() == Code::HashMismatch,
        };
        assert!(judged(&one) && judged(&two) && (one.is_err() || two.is_err()));
        let sent = house.transfers.append(house.anna, id, 0, None, body(&bytes)).await.unwrap();
        assert!(sent.is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_full_upload_is_judged_by_the_sweep_instead_of_being_lost() {
    for house in House::each().await {
        let (bytes, false_bytes) = (jpeg(42, 3000), jpeg(43, 3000));
        let (good, _) = full(&house, &bytes, &bytes).await;
        let (_, bad) = full(&house, &false_bytes, &jpeg(44, 3000)).await;
        let system = Scope::system(house.owner);
        let swept = sweep_uploads(&house.transfers, system, 10).await.unwrap();
        assert_eq!(swept, Swept { ended: 0, judged: 2, more: false });
        house.clock.advance(chrono::TimeDelta::days(UPLOAD_DAYS));
        assert_eq!(served(&house, house.anna, good.photo_id).await.unwrap(), bytes);
        assert_eq!(sweep_uploads(&house.transfers, system, 10).await.unwrap().ended, 1);
        assert_eq!(code(house.transfers.resume(house.anna, bad).await), Code::UploadGone);
        house.verify().await;
    }
}

#[tokio::test]
async fn an_object_that_was_collected_is_not_counted_on() {
    for house in House::each().await {
        let bytes = jpeg(45, 3000);
        let (args, id) = full(&house, &bytes, &bytes).await;
        let blobs = std::sync::Arc::clone(house.transfers.blobs());
        let receive = Receive { upload: id, format: Format::Jpeg, blobs };
        assert_eq!(house.db.write(house.anna, receive).await.unwrap(), Received::Vanished);
        assert_eq!(rows(&house, "blob").await, 0);
        assert_eq!(document(&house, house.anna, args.photo_id).await.state, PhotoState::Expected);
        assert!(house.transfers.resume(house.anna, id).await.unwrap().is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        house.verify().await;
    }
}

/// What a phone with a bad connection does.
#[derive(Clone, Debug)]
enum Step {
    /// Sends so many bytes from where it believes to be, and hangs up.
    Cut(usize),
    /// Asks where to go on.
    Ask,
    /// Sends so many bytes of something else, in good order.
    Garbage(usize),
    /// Sends from a wrong offset.
    Astray(u64),
    /// Forgets everything and creates the upload again.
    Create,
    /// Gives the upload up and creates it again.
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..900usize).prop_map(Step::Cut),
        2 => Just(Step::Ask),
        1 => (1..400usize).prop_map(Step::Garbage),
        1 => (0..3000u64).prop_map(Step::Astray),
        1 => Just(Step::Create),
        1 => Just(Step::End),
    ]
}

async fn walk(steps: Vec<Step>) {
    for house in House::each().await {
        let bytes = jpeg(50, 2000);
        let (args, mut at) = begin(&house, house.anna, &bytes).await;
        for step in steps.clone() {
            let from = usize::try_from(at.offset).unwrap();
            let left = bytes.len() - from;
            let send = |offset, body| house.transfers.append(house.anna, at.upload, offset, None, body);
            let sent = match step {
                Step::Cut(count) => send(at.offset, cut(&bytes[from..from + count.min(left)])).await,
                Step::Garbage(count) => send(at.offset, body(&vec![7; count.min(left)])).await,
                Step::Astray(offset) => send(offset, cut(&bytes[..1])).await,
                Step::Ask => house.transfers.resume(house.anna, at.upload).await,
                Step::Create => house.transfers.create(house.anna, new(&args)).await,
                Step::End => {
                    house.transfers.end(house.anna, at.upload).await.unwrap();
                    house.transfers.create(house.anna, new(&args)).await
                }
            };
            at = match sent {
                Ok(progress) => progress,
                Err(error) => {
                    assert!(matches!(error.code(), Code::OffsetMismatch | Code::HashMismatch), "{error}");
                    house.transfers.resume(house.anna, at.upload).await.unwrap()
                }
            };
        }
        // A good connection at last; twice, because garbage may have come before.
        for _ in 0..2 {
            let from = usize::try_from(at.offset).unwrap();
            match house.transfers.append(house.anna, at.upload, at.offset, None, body(&bytes[from..])).await {
                Ok(progress) => at = progress,
                Err(error) => {
                    assert_eq!(error.code(), Code::HashMismatch);
                    at = house.transfers.resume(house.anna, at.upload).await.unwrap();
                }
            }
        }
        assert!(at.is_finished());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), bytes);
        assert!(!has_slices(&house).await);
        assert_eq!(rows(&house, "upload WHERE state IN ('open', 'refused')").await, 0);
        assert_eq!(told(&house, "photo.receive").await, 1);
        house.verify().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_the_connection_is_the_photo_arrives_once(steps in prop::collection::vec(step(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(steps));
    }
}
