//! Photos of the demo: those of a folder, or small drawings that a camera could have taken.

use std::path::{Path, PathBuf};

use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use naryad_domain::{Error, Result, catalogue::PhotoKind, photo::content::Format};
use sha2::{Digest, Sha256};

use super::names::Dice;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 720;
const QUALITY: u8 = 80;

/// The bytes of a photo as the phone announces them.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) bytes: Vec<u8>,
}

impl Picture {
    pub(super) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

/// Where the photos come from.
#[derive(Debug)]
pub(super) enum Photos {
    /// Files, each in its turn, again from the first when there are too few.
    Folder { files: Vec<PathBuf>, taken: usize },
    /// The program's own drawings.
    Drawn(Dice),
}

impl Photos {
    /// The photos of `folder`, or drawings where none is named.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no photo of an accepted format.
    pub(super) fn open(folder: Option<&Path>, seed: u64) -> Result<Self> {
        let Some(folder) = folder else { return Ok(Self::Drawn(Dice::new(seed))) };
        let unreadable = |cause| Error::field("photos", format!("{}: {cause}", folder.display()));
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file()
                && Format::detect(&std::fs::read(&path).map_err(unreadable)?).is_some_and(Format::is_picture)
            {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            let message = format!("{} holds no JPEG, PNG, WebP or HEIC", folder.display());
            return Err(Error::field("photos", message));
        }
        Ok(Self::Folder { files, taken: 0 })
    }

    /// The next photo; a drawing shows what a photo of this kind would.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub(super) fn take(&mut self, kind: PhotoKind) -> Result<Picture> {
        let bytes = match self {
            Self::Folder { files, taken } => {
                let path = &files[*taken % files.len()];
                *taken += 1;
                std::fs::read(path)
                    .map_err(|cause| Error::field("photos", format!("{}: {cause}", path.display())))?
            }
            Self::Drawn(dice) => draw(kind, dice)?,
        };
        Ok(Picture { bytes })
    }
}

fn draw(kind: PhotoKind, dice: &mut Dice) -> Result<Vec<u8>> {
    let mut grain = Dice::new(dice.roll());
    let shift = dice.below(120) as f32;
    let picture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let light = 1.0 - 0.35 * ((x - 480.0).hypot(y - 300.0) / 600.0);
        let noise = (grain.roll() % 15) as f32 - 7.0;
        Rgb(scene(kind, x - shift, y).map(|part| (part * light + noise).clamp(0.0, 255.0) as u8))
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(&picture, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .map_err(Error::internal)?;
    Ok(bytes)
}

/// The colour of a point, before light and grain.
fn scene(kind: PhotoKind, x: f32, y: f32) -> [f32; 3] {
    match kind {
        PhotoKind::Before => wall(x, y, true),
        PhotoKind::After | PhotoKind::Other => wall(x, y, false),
        PhotoKind::Act
        | PhotoKind::SignatureResident
        | PhotoKind::SignatureCrew
        | PhotoKind::Document
        | PhotoKind::Voice => sheet(x, y),
        PhotoKind::Reading => meter(x, y),
        PhotoKind::NoAccess => door(x, y),
    }
}

/// A tiled wall with a pipe; wet under the joint before the work, with a new clamp on it afterwards.
fn wall(x: f32, y: f32, wet: bool) -> [f32; 3] {
    let joint = (y - 330.0).abs() < 34.0;
    if (x - 430.0).abs() < if joint { 42.0 } else { 28.0 } {
        let round = 1.0 - ((x - 430.0) / 46.0).powi(2);
        return match (joint, wet) {
            (true, true) => [130.0, 72.0, 40.0],
            (true, false) => [170.0, 175.0, 182.0],
            _ => [190.0, 194.0, 198.0],
        }
        .map(|part| part * round);
    }
    let stain = (x - 440.0).hypot((y - 520.0) * 0.6) < 170.0;
    if wet && (stain || y > 640.0) {
        return [92.0, 104.0, 112.0];
    }
    let grout = x.rem_euclid(120.0) < 4.0 || y.rem_euclid(120.0) < 4.0;
    if grout { [150.0, 148.0, 140.0] } else { [214.0, 222.0, 224.0] }
}

/// A signed act: lines of text, a signature, a stamp.
fn sheet(x: f32, y: f32) -> [f32; 3] {
    if !(150.0..810.0).contains(&x) || !(40.0..700.0).contains(&y) {
        return [116.0, 84.0, 58.0];
    }
    let ring = ((x - 640.0).hypot(y - 590.0) - 62.0).abs();
    if ring < 4.0 {
        return [52.0, 70.0, 170.0];
    }
    let letters = (x * 0.13).sin() + (x * 0.071 + y * 0.37).sin() > 0.1;
    let text = y.rem_euclid(36.0) < 11.0 && (90.0..520.0).contains(&y) && (190.0..770.0).contains(&x);
    let signature = (200.0..420.0).contains(&x) && (y - 590.0 - 22.0 * (x * 0.09).sin()).abs() < 3.0;
    match (signature, text && letters) {
        (true, _) => [40.0, 60.0, 150.0],
        (_, true) => [60.0, 60.0, 64.0],
        _ => [242.0, 241.0, 236.0],
    }
}

/// A round meter with its window of digits.
fn meter(x: f32, y: f32) -> [f32; 3] {
    let from_middle = (x - 480.0).hypot(y - 360.0);
    if (330.0..630.0).contains(&x) && (300.0..365.0).contains(&y) {
        let wheel = (x - 330.0).rem_euclid(50.0);
        let red = x > 530.0;
        return match (6.0..44.0).contains(&wheel) {
            true if red => [176.0, 44.0, 40.0],
            true => [24.0, 24.0, 26.0],
            false => [205.0, 205.0, 200.0],
        };
    }
    match from_middle {
        d if d < 235.0 => [236.0, 238.0, 240.0],
        d if d < 262.0 => [30.0, 72.0, 150.0],
        _ => wall(x + 50.0, y, false),
    }
}

/// A closed door with its number and handle.
fn door(x: f32, y: f32) -> [f32; 3] {
    if !(270.0..690.0).contains(&x) || y < 40.0 {
        return [198.0, 190.0, 160.0];
    }
    if (x - 640.0).hypot((y - 400.0) * 0.7) < 17.0 {
        return [212.0, 178.0, 90.0];
    }
    if (440.0..520.0).contains(&x) && (110.0..150.0).contains(&y) {
        return [226.0, 214.0, 150.0];
    }
    let panel = (x - 300.0).rem_euclid(180.0) < 6.0 || (y - 80.0).rem_euclid(300.0) < 6.0;
    if panel { [66.0, 40.0, 28.0] } else { [104.0, 62.0, 40.0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_small_photos_and_no_two_are_the_same() {
        let mut photos = Photos::open(None, 7).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for kind in
            [PhotoKind::Before, PhotoKind::After, PhotoKind::After, PhotoKind::Act, PhotoKind::Reading]
        {
            let picture = photos.take(kind).unwrap();
            assert_eq!(Format::detect(&picture.bytes), Some(Format::Jpeg));
            assert!((20_000..400_000).contains(&picture.bytes.len()), "{}", picture.bytes.len());
            assert!(seen.insert(picture.sha256()));
        }
    }

    #[test]
    fn a_folder_gives_its_photos_in_turn_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("readme.txt"), "no photo").unwrap();
        Photos::open(Some(folder.path()), 0).unwrap_err();
        let drawn = Photos::open(None, 1).unwrap().take(PhotoKind::After).unwrap();
        std::fs::write(folder.path().join("a.bin"), &drawn.bytes).unwrap();
        let mut photos = Photos::open(Some(folder.path()), 0).unwrap();
        for _ in 0..2 {
            assert_eq!(photos.take(PhotoKind::Act).unwrap().bytes, drawn.bytes);
        }
        Photos::open(Some(Path::new("/nowhere")), 0).unwrap_err();
    }
}
