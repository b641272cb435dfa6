//! Objects that nobody names, and names of objects that are gone.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{super::*, House, begin, body, document, jpeg, served};
use crate::blob::{BlobKey, Sha256Hash};

async fn sweep(house: &House) -> usize {
    let (mut after, mut all) = (None, 0);
    loop {
        let (last, gone) = collect_orphans(&house.db, house.transfers.blobs(), after, 2).await.unwrap();
        all += gone;
        after = last;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn what_nobody_names_goes_after_its_grace_and_the_rest_stays() {
    for house in House::each().await {
        let blobs = Arc::clone(house.transfers.blobs());
        let kept = jpeg(60, 2000);
        let (args, upload) = begin(&house, house.anna, &kept).await;
        house.transfers.append(house.anna, upload.upload, 0, None, body(&kept)).await.unwrap();
        let lost = jpeg(61, 900);
        let sha256 = Sha256Hash::of(&lost);
        blobs.put(house.owner, &sha256, lost.clone()).await.unwrap();
        let key = BlobKey { organization: house.owner, sha256 };
        let found = reconcile(&house.db, &*blobs, true).await.unwrap();
        assert_eq!((found.records, found.objects), (1, 2));
        assert_eq!((&found.unknown, found.lost.len(), found.damaged.len()), (&vec![key], 0, 0));
        assert_eq!(sweep(&house).await, 0, "whoever has just published it may be about to say so");
        // Seen by the collector, named by nobody: whoever announces it sends the bytes, and is not refused.
        let announced = house.args(&lost);
        assert_eq!(house.add(house.anna, &announced).await.unwrap().state, PhotoState::Expected);
        house.clock.advance(TimeDelta::hours(25));
        assert_eq!(sweep(&house).await, 0, "it is named now");
        let upload = house.transfers.create(house.anna, super::new(&announced)).await.unwrap();
        house.transfers.append(house.anna, upload.upload, 0, None, body(&lost)).await.unwrap();
        assert_eq!(document(&house, house.anna, announced.photo_id).await.state, PhotoState::Received);
        // The next one rests on it: its kind is known again.
        let again = house.args(&lost);
        assert_eq!(house.add(house.anna, &again).await.unwrap().state, PhotoState::Received);
        let orphan = jpeg(62, 700);
        blobs.put(house.owner, &Sha256Hash::of(&orphan), orphan.clone()).await.unwrap();
        assert_eq!(sweep(&house).await, 0);
        house.clock.advance(TimeDelta::hours(25));
        assert_eq!(sweep(&house).await, 1);
        assert!(!blobs.exists(house.owner, &Sha256Hash::of(&orphan)).await.unwrap());
        assert_eq!(served(&house, house.anna, args.photo_id).await.unwrap(), kept);
        blobs.remove(house.owner, &args.sha256).await.unwrap();
        let found = reconcile(&house.db, &*blobs, false).await.unwrap();
        assert_eq!(found.lost, [BlobKey { organization: house.owner, sha256: args.sha256 }]);
        house.verify().await;
    }
}

/// Whoever comes to rest on content while it is collected finds it, or sends it.
#[tokio::test]
async fn a_photo_never_rests_on_what_is_being_collected() {
    for house in House::each().await {
        let blobs = Arc::clone(house.transfers.blobs());
        for round in 0..12 {
            let bytes = jpeg(70 + round, 500);
            let sha256 = Sha256Hash::of(&bytes);
            let (first, upload) = begin(&house, house.anna, &bytes).await;
            house.transfers.append(house.anna, upload.upload, 0, None, body(&bytes)).await.unwrap();
            // The only record that names it is erased.
            house.forget_photo(first.photo_id).await;
            let key = BlobKey { organization: house.owner, sha256 };
            let args = house.args(&bytes);
            let (gone, added) =
                tokio::join!(collect_now(&house.db, &blobs, key), house.add(house.anna, &args));
            let (gone, added) = (gone.unwrap(), added.unwrap());
            let there = blobs.exists(house.owner, &sha256).await.unwrap();
            assert_eq!(there, !gone);
            assert_eq!(added.state == PhotoState::Received, there, "round {round}");
        }
        house.verify().await;
    }
}
