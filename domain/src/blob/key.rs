//! The names of what is stored. They are made of typed identifiers, numbers and hashes only, so that no name can point
//! outside the store, and they are the same in every store, so that one can be copied into another.

use std::fmt;

use super::{BlobError, Sha256Hash};
use crate::id::{OrganizationId, UploadId};

/// The folder of slices.
pub const SLICES: &str = "slices";

/// The folder of final objects.
pub const BLOBS: &str = "blobs";

/// The folder of notes.
pub const NOTES: &str = "notes";

/// An upload of one organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadKey {
    /// Whose upload.
    pub organization: OrganizationId,
    /// Which upload.
    pub upload: UploadId,
}

/// `slices/(organization)/(upload)`.
impl fmt::Display for UploadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SLICES}/{}/{}", self.organization, self.upload)
    }
}

impl UploadKey {
    /// The key of a slice of this upload.
    pub fn slice(self, offset: u64, epoch: u64) -> SliceKey {
        SliceKey { organization: self.organization, upload: self.upload, offset, epoch }
    }
}

/// One received slice of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceKey {
    /// Whose upload.
    pub organization: OrganizationId,
    /// Which upload.
    pub upload: UploadId,
    /// Where in the upload the slice begins, in bytes.
    pub offset: u64,
    /// The lock epoch under which it was received: two receivers of one offset never write to one name.
    pub epoch: u64,
}

/// `slices/(organization)/(upload)/(offset)-(epoch)`, the numbers padded so that names sort as numbers do.
impl fmt::Display for SliceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, upload, offset, epoch } = *self;
        write!(f, "{}/{offset:020}-{epoch:020}", UploadKey { organization, upload })
    }
}

/// A final object: content of one organization, named by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey {
    /// Whose content.
    pub organization: OrganizationId,
    /// Its hash.
    pub sha256: Sha256Hash,
}

/// `blobs/(organization)/(first two digits of the hash)/(hash)`.
impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, sha256 } = self;
        write!(f, "{BLOBS}/{organization}/{:02x}/{sha256}", sha256.0[0])
    }
}

/// The name of a note: 1 to 64 of `a`-`z`, `0`-`9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteName(String);

impl NoteName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`BlobError::NoteName`] for a name that is empty, too long or of other characters.
    pub fn new(name: &str) -> Result<Self, BlobError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BlobError::NoteName(name.to_owned()))
        }
    }
}

/// `notes/(name)`.
impl fmt::Display for NoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NOTES}/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_names_of_the_store_do_not_change() {
        let organization = OrganizationId(Uuid::from_u128(0xa));
        let upload = UploadKey { organization, upload: UploadId(Uuid::from_u128(0xb)) };
        assert_eq!(
            upload.slice(5_242_880, 3).to_string(),
            "slices/00000000-0000-0000-0000-00000000000a/00000000-0000-0000-0000-00000000000b/\
             00000000000005242880-00000000000000000003"
        );
        assert_eq!(
            BlobKey { organization, sha256: Sha256Hash::of(b"") }.to_string(),
            "blobs/00000000-0000-0000-0000-00000000000a/e3/\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(NoteName::new("beacon").unwrap().to_string(), "notes/beacon");
    }

    #[test]
    fn a_note_cannot_point_elsewhere() {
        for name in ["", ".", "..", "../blobs", "a/b", "a\\b", "a\0", "Beacon", "маяк", &"a".repeat(65)] {
            assert!(NoteName::new(name).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn slices_sort_by_offset_then_epoch(a: (u64, u64), b: (u64, u64)) {
            let key = |(offset, epoch)| SliceKey {
                organization: OrganizationId(Uuid::nil()),
                upload: UploadId(Uuid::nil()),
                offset,
                epoch,
            };
            prop_assert_eq!(key(a).to_string().cmp(&key(b).to_string()), a.cmp(&b));
        }
    }
}
