//! Photos and the uploads that bring their bytes.
//!
//! A photo is announced beside the data ([`AddPhoto`]); its bytes come in slices, over any number of connections and
//! nodes ([`Transfers`]), after the announcement or before it, and the photo is received when the whole has the announced
//! hash.

mod add;
pub mod content;
mod document;
mod doubtful;
mod early;
mod examine;
#[cfg(test)]
pub(crate) mod fixture;
mod flag;
mod late;
mod link;
mod orphans;
mod position;
mod preview;
mod read;
mod receive;
pub mod row;
mod stored;
mod sweep;
mod transfer;
mod upload;

pub use self::{
    add::{AddPhoto, AddPhotoArgs, Added, MAX_PHOTO_BYTES},
    document::{PhotoDocument, counted, counts, of_review, of_ticket, of_tickets, pending},
    doubtful::{DoubtfulPhoto, doubtful},
    early::{EARLY_UPLOADS, JUDGE_JOB, JudgeJob, judge_early},
    examine::{EXAMINE_JOB, Examine, to_examine},
    flag::{PhotoFlag, nearest},
    late::{LATE_HOURS, tell_late},
    link::{ContentLink, link, linked},
    orphans::{Reconciled, collect_now, collect_orphans, reconcile},
    position::PhotoPosition,
    preview::Size,
    read::{Content, find, open},
    row::{PhotoState, PreviewState},
    sweep::{Swept, organizations_to_sweep, sweep_slices, sweep_uploads},
    transfer::{NewUpload, Progress, SignedUpload, Transfers},
    upload::UPLOAD_DAYS,
};
pub(crate) use self::{document::require_of_ticket, stored::keep_content};

#[cfg(test)]
mod tests;
