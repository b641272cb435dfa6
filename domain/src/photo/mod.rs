//! Photos and the uploads that bring their bytes.
//!
//! A photo is announced beside the data ([`AddPhoto`]); its bytes follow in slices, over any number of connections and
//! nodes ([`Transfers`]), and the photo is received when the whole has the announced hash.

mod add;
mod document;
#[cfg(test)]
pub(crate) mod fixture;
pub mod format;
mod position;
mod read;
mod receive;
pub mod row;
mod stored;
mod sweep;
mod transfer;
mod upload;

pub use self::{
    add::{AddPhoto, AddPhotoArgs, Added, MAX_PHOTO_BYTES},
    document::{PhotoDocument, counts, of_ticket, pending},
    position::PhotoPosition,
    read::{OpenPhoto, find, open},
    row::PhotoState,
    sweep::{Swept, organizations_to_sweep, sweep_slices, sweep_uploads},
    transfer::{NewUpload, Progress, Transfers},
    upload::UPLOAD_DAYS,
};

#[cfg(test)]
mod tests;
