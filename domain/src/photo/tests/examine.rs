//! A picture is looked at: previews, facts, doubts, refusals.

use std::sync::Arc;

use chrono::TimeDelta;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use naryad_picture::PerceptualHash;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{super::*, House, document, served};
use crate::{
    Clock as _, Code, Error, Result, Scope,
    blob::Sha256Hash,
    catalogue::PhotoKind,
    id::PhotoId,
    write::{Act, Tx},
};

/// A picture with a structure of its own for each seed.
fn picture(seed: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(400, 300, |x, y| {
        let wave = (x * (seed % 7 + 3) / 40 + y * (seed % 5 + 2) / 30 + (x * y / 900) * (seed % 11)) % 16;
        let value = u8::try_from(wave * 16).unwrap();
        Rgb([value, value.wrapping_add(40), u8::try_from((x + seed) % 256).unwrap()])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85)
        .write_image(picture.as_raw(), 400, 300, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// The same picture, compressed harder.
fn again(bytes: &[u8]) -> Vec<u8> {
    let picture = image::load_from_memory(bytes).unwrap().into_rgb8();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 60)
        .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Announces, uploads, and looks at it as the job does.
async fn bring(house: &House, scope: Scope, bytes: &[u8], edit: impl FnOnce(&mut AddPhotoArgs)) -> PhotoId {
    let mut args = house.args(bytes);
    edit(&mut args);
    house.add(scope, &args).await.unwrap();
    let upload = house.transfers.create(scope, super::new(&args)).await.unwrap();
    if !upload.is_finished() {
        house.transfers.append(scope, upload.upload, 0, None, super::body(bytes)).await.unwrap();
    }
    look(house, args.photo_id, bytes).await.unwrap();
    args.photo_id
}

async fn look(house: &House, id: PhotoId, bytes: &[u8]) -> Result<()> {
    let system = Scope::system(house.owner);
    let Some(photo) = to_examine(&house.db.reader(), &system, id).await? else { return Ok(()) };
    let blobs = Arc::clone(house.transfers.blobs());
    let act = Examine::publish(blobs, &photo, naryad_picture::examine(bytes)).await?;
    house.db.write(system, act).await
}

async fn content(house: &House, scope: Scope, id: PhotoId, size: Size) -> Result<Content> {
    find(&house.db.reader(), &scope, id, size).await
}

fn what(flags: &[PhotoFlag]) -> Vec<String> {
    let name = |flag| serde_json::to_value(flag).unwrap()["what"].as_str().unwrap().to_owned();
    flags.iter().map(name).collect()
}

#[tokio::test]
async fn a_picture_gets_previews_that_residents_may_see() {
    for house in House::each().await {
        let bytes = picture(1);
        let args = house.args(&bytes);
        house.add(house.anna, &args).await.unwrap();
        let upload = house.transfers.create(house.anna, super::new(&args)).await.unwrap();
        house.transfers.append(house.anna, upload.upload, 0, None, super::body(&bytes)).await.unwrap();
        let id = args.photo_id;
        let early = content(&house, house.desk, id, Size::Small).await.unwrap_err();
        assert_eq!(early.code(), Code::PreviewPending);
        look(&house, id, &bytes).await.unwrap();
        look(&house, id, &bytes).await.unwrap();
        let shown = document(&house, house.desk, id).await;
        assert_eq!((shown.preview, shown.width, shown.height), (PreviewState::Ready, Some(400), Some(300)));
        assert_eq!(shown.flags, [], "nothing is wrong with it");
        for (scope, size) in
            [(house.desk, Size::Large), (house.anna, Size::Small), (house.resident, Size::Large)]
        {
            let preview = content(&house, scope, id, size).await.unwrap();
            assert_eq!(preview.media_type, "image/jpeg");
            let mut read = open(&**house.transfers.blobs(), &preview, None).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(chunk) = futures_util::StreamExt::next(&mut read.stream).await {
                bytes.extend_from_slice(&chunk.unwrap());
            }
            assert_eq!(bytes.len() as u64, preview.bytes);
            assert_eq!(Sha256Hash::of(&bytes), preview.key.sha256);
        }
        let original = content(&house, house.resident, id, Size::Original).await.unwrap_err();
        assert_eq!(original.code(), Code::Forbidden);
        for scope in [house.neighbour, house.boris, house.strange_desk] {
            let hidden = content(&house, scope, id, Size::Small).await.unwrap_err();
            assert_eq!(hidden.code(), Code::NotFound);
        }
        assert_eq!(served(&house, house.anna, id).await.unwrap(), bytes);
        house.verify().await;
    }
}

#[tokio::test]
async fn doubts_are_shown_to_the_desk_and_refuse_nothing() {
    for house in House::each().await {
        let now = house.clock.now();
        let honest = bring(&house, house.anna, &picture(2), |args| args.taken_at = Some(now)).await;
        let early =
            bring(&house, house.anna, &picture(3), |args| args.taken_at = Some(now - TimeDelta::days(30)))
                .await;
        let future =
            bring(&house, house.anna, &picture(4), |args| args.taken_at = Some(now + TimeDelta::hours(2)))
                .await;
        let reused = bring(&house, house.anna, &picture(2), |args| args.kind = PhotoKind::Other).await;
        let similar = bring(&house, house.anna, &again(&picture(2)), |_| {}).await;
        let of = async |scope, id| document(&house, scope, id).await.flags;
        assert_eq!(of(house.desk, honest).await, []);
        assert_eq!(what(&of(house.desk, early).await), ["before_registration"]);
        assert_eq!(of(house.desk, future).await, [PhotoFlag::ClockOff { seconds: 7200 }]);
        let same = PhotoFlag::SameBytes { photo_id: Some(honest), ticket_id: Some(house.ticket) };
        assert_eq!(of(house.desk, reused).await, [same]);
        let near = of(house.desk, similar).await;
        assert!(
            matches!(near[..], [PhotoFlag::NearDuplicate { photo_id: Some(_), distance: 0..=3, .. }]),
            "{near:?}"
        );
        let page = doubtful(&house.db.reader(), &house.desk, &Default::default()).await.unwrap();
        let listed: Vec<PhotoId> = page.items.iter().map(|one| one.photo.id).collect();
        assert_eq!(listed.len(), 4);
        assert!(!listed.contains(&honest));
        let refused = doubtful(&house.db.reader(), &house.anna, &Default::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        let other = doubtful(&house.db.reader(), &house.strange_desk, &Default::default()).await.unwrap();
        assert!(other.items.is_empty());
        for scope in [house.anna, house.resident] {
            assert_eq!(of(scope, early).await, [], "doubts are the desk's");
        }
        house.verify().await;
    }
}

#[tokio::test]
async fn what_does_not_decode_is_refused_by_name() {
    for house in House::each().await {
        let whole = picture(5);
        let half = &whole[..whole.len() / 2];
        let id = bring(&house, house.anna, half, |_| {}).await;
        let shown = document(&house, house.desk, id).await;
        assert_eq!((shown.state, shown.refused_reason.as_deref()), (PhotoState::Refused, Some("truncated")));
        assert_eq!(content(&house, house.desk, id, Size::Original).await.unwrap_err().code(), Code::NotFound);
        house.verify().await;
    }
}

#[tokio::test]
async fn sound_and_documents_are_taken_where_they_belong() {
    for house in House::each().await {
        let voice = b"OggS\0\x02 a word about the riser".as_slice();
        let paper = b"%PDF-1.7 a paper".as_slice();
        let note = bring(&house, house.resident, voice, |args| args.kind = PhotoKind::Voice).await;
        let act = bring(&house, house.anna, paper, |args| args.kind = PhotoKind::Act).await;
        for (id, media_type) in [(note, "audio/ogg"), (act, "application/pdf")] {
            let shown = content(&house, house.resident, id, Size::Original).await.unwrap();
            assert_eq!(shown.media_type, media_type);
            assert_eq!(document(&house, house.desk, id).await.preview, PreviewState::None);
            assert_eq!(
                content(&house, house.desk, id, Size::Small).await.unwrap_err().code(),
                Code::NotFound
            );
        }
        // The wrong content for the kind, new and known.
        for (bytes, kind) in [(voice, PhotoKind::Before), (paper, PhotoKind::SignatureCrew)] {
            let mut args = house.args(bytes);
            args.kind = kind;
            let known = house.add(house.anna, &args).await.unwrap_err();
            assert_eq!(known.code(), Code::NotAPhoto);
        }
        let mut args = house.args(b"OggS\0 other words");
        args.kind = PhotoKind::After;
        house.add(house.anna, &args).await.unwrap();
        let upload = house.transfers.create(house.anna, super::new(&args)).await.unwrap();
        let sent = house
            .transfers
            .append(house.anna, upload.upload, 0, None, super::body(b"OggS\0 other words"))
            .await;
        assert_eq!(sent.unwrap_err().code(), Code::NotAPhoto);
        house.verify().await;
    }
}

#[tokio::test]
async fn a_pair_is_of_one_ticket_and_in_order() {
    for house in House::each().await {
        let before = bring(&house, house.anna, &picture(6), |_| {}).await;
        let after = bring(&house, house.anna, &picture(7), |args| {
            args.kind = PhotoKind::After;
            args.pair_of = Some(before);
        })
        .await;
        assert_eq!(document(&house, house.resident, after).await.pair_of, Some(before));
        for (kind, pair, code) in [
            (PhotoKind::Other, before, Code::InvalidField),
            (PhotoKind::After, after, Code::InvalidField),
            (PhotoKind::After, PhotoId(crate::id::new_uuid(&house.clock)), Code::NotFound),
        ] {
            let mut args = house.args(b"\xff\xd8\xff\xe0");
            (args.kind, args.pair_of) = (kind, Some(pair));
            assert_eq!(house.add(house.anna, &args).await.unwrap_err().code(), code);
        }
    }
}

/// Writes hashes as photos that were looked at have them.
#[derive(Debug)]
struct Hashes(crate::id::OrganizationId, PhotoId, Vec<(PhotoId, PerceptualHash)>);

impl Act for Hashes {
    const NAME: &'static str = "test.hashes";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let like = row::Entity::find_by_id(self.1)
            .one(&tx.reader())
            .await?
            .ok_or_else(|| Error::not_found("photo"))?;
        for (id, hash) in &self.2 {
            tx.insert(&row::Model { id: *id, ..like.clone() }).await?;
            let [a, b, c, d] = hash.bands().map(i64::from);
            let values = [
                id.0.into(),
                self.0.0.into(),
                flag::column(*hash).into(),
                a.into(),
                b.into(),
                c.into(),
                d.into(),
            ];
            let sql =
                "INSERT INTO photo_hash (photo_id, organization_id, hash, band_0, band_1, band_2, band_3)
                       VALUES ($1, $2, $3, $4, $5, $6, $7)";
            tx.execute(sql, values).await?;
        }
        Ok(())
    }
}

use sea_orm::EntityTrait as _;

/// The index finds exactly the distance that comparing with every photo finds.
#[tokio::test]
async fn the_nearest_is_what_comparing_with_all_finds() {
    for house in House::each().await {
        let like = bring(&house, house.anna, &picture(8), |_| {}).await;
        let mut random = StdRng::seed_from_u64(8);
        let mut hashes = Vec::new();
        for _ in 0..300 {
            let base: u64 = random.random();
            // Families of hashes that are a few bits apart.
            for _ in 0..3 {
                let flipped = (0..random.random_range(0..6))
                    .fold(base, |hash, _| hash ^ (1 << random.random_range(0..64)));
                hashes.push((PhotoId(crate::id::new_uuid(&house.clock)), PerceptualHash(flipped)));
            }
        }
        house.db.write(Scope::system(house.owner), Hashes(house.owner, like, hashes.clone())).await.unwrap();
        let nobody = PhotoId(crate::id::new_uuid(&house.clock));
        for at in 0..200 {
            let (id, hash) = hashes[at * 4];
            let asked = PerceptualHash(
                (0..random.random_range(0..5))
                    .fold(hash.0, |hash, _| hash ^ (1 << random.random_range(0..64))),
            );
            let except = if at % 2 == 0 { id } else { nobody };
            let all =
                hashes.iter().filter(|(other, _)| *other != except).map(|(_, other)| asked.distance(*other));
            let expected = all.min().filter(|distance| *distance <= 3);
            let found = nearest(&house.db.reader(), house.owner, asked, except).await.unwrap();
            assert_eq!(found.map(|(_, distance)| distance), expected);
            let strange = nearest(&house.db.reader(), house.stranger, asked, except).await.unwrap();
            assert_eq!(strange, None, "another tenant's photos are not compared with");
        }
    }
}

fn scene(settings: &crate::people::Settings, at: crate::Time) -> flag::Scene<'_> {
    flag::Scene {
        settings,
        registered_at: at,
        completed_at: Some(at + TimeDelta::hours(3)),
        building: Some(crate::place::Position { latitude: 55.75, longitude: 37.62 }),
    }
}

proptest! {
    /// Within the patience and the distance that are set, nothing is doubted; beyond them it is, whatever else.
    #[test]
    fn time_and_place_are_judged_by_the_settings(minutes in -600_i64..600, north in -0.2_f64..0.2, accuracy in 0.0_f64..2000.0) {
        let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let settings = crate::people::Settings::default();
        let mut photo = flag_photo(at + TimeDelta::hours(8));
        photo.taken_at = Some(at + TimeDelta::minutes(minutes));
        photo.latitude_e7 = Some(((55.75 + north) * 1e7) as i64);
        photo.longitude_e7 = Some(376_200_000);
        photo.accuracy_m = Some(accuracy.ceil() as i64);
        let found = what(&flag::of_time_and_place(&photo, &scene(&settings, at)));
        let has = |name: &str| found.iter().any(|flag| flag == name);
        prop_assert_eq!(has("before_registration"), minutes < -10);
        prop_assert_eq!(has("after_completion"), minutes > 190);
        prop_assert_eq!(has("clock_off"), minutes > 490);
        let metres = north.abs() * 111_194.9;
        let certain = metres - accuracy.ceil();
        if (certain - 500.0).abs() > 1.0 {
            prop_assert_eq!(has("far_from_building"), certain > 500.0, "{} {}", metres, accuracy);
        }
    }
}

fn flag_photo(received: crate::Time) -> row::Model {
    let uuid = uuid::Uuid::nil();
    row::Model {
        id: PhotoId(uuid),
        organization_id: crate::id::OrganizationId(uuid),
        ticket_id: crate::id::TicketId(uuid),
        visit_id: None,
        kind: PhotoKind::After,
        state: PhotoState::Received,
        refused_reason: None,
        sha256: Sha256Hash::of(b""),
        bytes: 1,
        media_type: None,
        taken_at: None,
        latitude_e7: None,
        longitude_e7: None,
        accuracy_m: None,
        added_by: uuid,
        added_at: received,
        received_at: Some(received),
        preview: PreviewState::None,
        width: None,
        height: None,
        exif_at: None,
        exif_latitude_e7: None,
        exif_longitude_e7: None,
        camera: None,
        pair_of: None,
        flags: None,
        flagged: false,
        review_id: None,
        late_at: None,
    }
}
