//! A hash that stays nearly the same when a picture is scaled, recompressed or brightened: sixty-four bits, each telling
//! whether the light rises from one field to the next.
//!
//! The parameters are part of the stored data: they never change, and a test keeps the hash of a known picture.

use image::RgbImage;
use image_hasher::{BitOrder, FilterType, HashAlg, HasherConfig};

/// Pictures whose hashes differ in at most so many bits are taken for the same scene.
pub const NEAR: u32 = 3;

/// In how many bands a hash is cut for the index. Of more bands than [`NEAR`], two near hashes share one at least.
pub const BANDS: usize = 4;

/// A picture that has fewer bits of either value is too plain: a wall, a sheet, the dark.
const LEAST_STRUCTURE: u32 = 8;

/// The perceptual hash of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// In how many bits two hashes differ (Hamming).
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// Whether the pictures are taken for the same scene.
    pub fn is_near(self, other: Self) -> bool {
        self.distance(other) <= NEAR
    }

    /// The hash in bands of sixteen bits, the most significant first.
    pub fn bands(self) -> [u16; BANDS] {
        let bytes = self.0.to_be_bytes();
        std::array::from_fn(|at| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]))
    }
}

/// The hash of an upright picture; `None` when it is too plain to be told from another plain one.
pub(crate) fn of(picture: &RgbImage) -> Option<PerceptualHash> {
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_size(8, 8)
        .hash_alg(HashAlg::Gradient)
        .resize_filter(FilterType::Triangle)
        .bit_order(BitOrder::LsbFirst)
        .to_hasher();
    let hash = u64::from_be_bytes(hasher.hash_image(picture).into_inner());
    let set = hash.count_ones();
    (set.min(u64::BITS - set) >= LEAST_STRUCTURE).then_some(PerceptualHash(hash))
}
