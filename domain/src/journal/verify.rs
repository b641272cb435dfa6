//! Recomputes every chain.

use sea_orm::FromQueryResult;
use serde_json::Value;
use uuid::Uuid;

use super::{GENESIS, Subject, SubjectKind, canonical, commitment, event_hash};
use crate::{Error, Result, db::Db, db::Reader, id::OrganizationId};

/// A link that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `ticket 0190... #3`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What was checked and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Chains read.
    pub chains: u64,
    /// Events read.
    pub events: u64,
    /// Personal values whose commitment was recomputed.
    pub values: u64,
    /// What does not hold; empty when all is well.
    pub findings: Vec<Finding>,
}

#[derive(Clone, FromQueryResult)]
struct Link {
    subject_kind: String,
    subject_id: Uuid,
    seq: i64,
    organization_id: OrganizationId,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(FromQueryResult)]
struct Secret {
    path: String,
    salt: Vec<u8>,
    value: Value,
}

const PAGE: i64 = 500;

/// Recomputes every chain and every commitment whose value has not been erased, page by page.
///
/// # Errors
/// The database cannot be read. A link that does not hold is a finding, not an error.
pub async fn verify(db: &Db) -> Result<Report> {
    let reader = db.reader();
    let mut report = Report::default();
    let mut last: Option<Link> = None;
    loop {
        let (kind, id, seq) = last
            .as_ref()
            .map_or((String::new(), Uuid::nil(), 0), |l| (l.subject_kind.clone(), l.subject_id, l.seq));
        let page = reader
            .all::<Link>(
                "SELECT subject_kind, subject_id, seq, organization_id, prev_hash, hash, bytes FROM event
                 WHERE (subject_kind, subject_id, seq) > ($1, $2, $3)
                 ORDER BY subject_kind, subject_id, seq LIMIT $4",
                [kind.into(), id.into(), seq.into(), PAGE.into()],
            )
            .await?;
        let full = page.len() as i64 == PAGE;
        for link in page {
            check(&reader, last.as_ref(), &link, &mut report).await?;
            last = Some(link);
        }
        if !full {
            return Ok(report);
        }
    }
}

async fn check(reader: &Reader<'_>, last: Option<&Link>, link: &Link, report: &mut Report) -> Result<()> {
    let place = format!("{} {} #{}", link.subject_kind, link.subject_id, link.seq);
    let mut wrong =
        |what: &str| report.findings.push(Finding { place: place.clone(), what: what.to_owned() });
    let before = last.filter(|l| l.subject_kind == link.subject_kind && l.subject_id == link.subject_id);
    let (seq, prev) = before.map_or((1, GENESIS.to_vec()), |l| (l.seq + 1, l.hash.clone()));
    report.events += 1;
    if before.is_none() {
        report.chains += 1;
    }
    if link.seq != seq {
        wrong("a link is missing before it");
    }
    if link.prev_hash != prev {
        wrong("it does not name the hash of the event before it");
    }
    let Some(kind) = SubjectKind::from_name(&link.subject_kind) else {
        wrong("unknown kind of subject");
        return Ok(());
    };
    let subject = Subject::new(kind, link.subject_id);
    if event_hash(link.organization_id, subject, link.seq, &link.prev_hash, &link.bytes)[..] != link.hash {
        wrong("its bytes do not have its hash");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&link.bytes) else {
        wrong("its bytes are not JSON");
        return Ok(());
    };
    if canonical(&body)? != link.bytes {
        wrong("its bytes are not canonical");
    }
    let secrets = reader
        .all::<Secret>(
            "SELECT path, salt, value FROM event_secret
             WHERE subject_kind = $1 AND subject_id = $2 AND seq = $3",
            [link.subject_kind.clone().into(), link.subject_id.into(), link.seq.into()],
        )
        .await?;
    for secret in secrets {
        let sealed = body.pointer(&format!("/{}/commitment", secret.path)).and_then(Value::as_str);
        let expected = commitment(&secret.salt, subject, link.seq, &secret.path, &secret.value)?;
        if sealed != Some(&hex::encode(expected)) {
            report.findings.push(Finding {
                place: format!("{place} {}", secret.path),
                what: "the value is not the one that was committed to".to_owned(),
            });
        }
        report.values += 1;
    }
    Ok(())
}

impl Report {
    /// Fails when something was found.
    ///
    /// # Errors
    /// `internal`, naming the first finding.
    pub fn clean(&self) -> Result<()> {
        match self.findings.first() {
            None => Ok(()),
            Some(first) => Err(Error::internal(format!("{}: {}", first.place, first.what))),
        }
    }
}
