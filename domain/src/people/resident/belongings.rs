//! The phones and account numbers of a resident: lists that are set as a whole.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Error, Result,
    db::{Reader, placeholders},
    id::{AccountId, PremisesId, ResidentId},
    people::{account, phone},
    place::premises,
    text::{Line, PhoneNumber},
    write::Tx,
};

/// An account number.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AccountDocument {
    /// The number.
    pub number: String,
    /// The premises it is for.
    pub premises_id: PremisesId,
}

/// An account number and what it is for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountArgs {
    /// The number.
    pub number: Line<40>,
    /// The premises it is for.
    pub premises_id: PremisesId,
}

/// Checks the list and returns the number to sign in with.
pub(super) fn check_phones(phones: &[PhoneNumber]) -> Result<&PhoneNumber> {
    let first = phones.first().filter(|_| phones.len() <= 5);
    for (at, phone) in phones.iter().enumerate() {
        if phones[..at].contains(phone) {
            return Err(Error::field(format!("phones[{at}]"), "an earlier one is the same"));
        }
    }
    first.ok_or_else(|| Error::field("phones", "must be 1 to 5 numbers"))
}

/// Makes the phones of a resident these, in this order. Returns whether anything changed.
pub(super) async fn set_phones(tx: &mut Tx, resident: ResidentId, phones: &[PhoneNumber]) -> Result<bool> {
    let rows = phone::Entity::find().filter(phone::Column::ResidentId.eq(resident)).all(&tx.reader()).await?;
    let mut standing: BTreeMap<String, phone::Model> =
        rows.into_iter().map(|row| (row.phone.clone(), row)).collect();
    let mut changed = false;
    for (at, number) in phones.iter().enumerate() {
        let row = phone::Model {
            resident_id: resident,
            phone: number.to_string(),
            organization_id: tx.scope().organization(),
            position: at as i64,
        };
        match standing.remove(number.as_str()) {
            Some(before) if before == row => continue,
            Some(before) => tx.update(&before, &row).await?,
            None => tx.insert(&row).await?,
        }
        changed = true;
    }
    for gone in standing.values() {
        tx.delete(gone).await?;
        changed = true;
    }
    Ok(changed)
}

/// Makes the account numbers of a resident these. Returns whether anything changed.
pub(super) async fn set_accounts(
    tx: &mut Tx,
    resident: ResidentId,
    accounts: &[AccountArgs],
) -> Result<bool> {
    if accounts.len() > 50 {
        return Err(Error::field("accounts", "must be at most 50"));
    }
    let scope = *tx.scope();
    let rows =
        account::Entity::find().filter(account::Column::ResidentId.eq(resident)).all(&tx.reader()).await?;
    let mut standing: BTreeMap<String, account::Model> =
        rows.into_iter().map(|row| (row.number.clone(), row)).collect();
    let mut changed = false;
    for (at, wanted) in accounts.iter().enumerate() {
        if accounts[..at].iter().any(|earlier| earlier.number == wanted.number) {
            return Err(Error::field(format!("accounts[{at}].number"), "an earlier one is the same"));
        }
        let before = standing.remove(wanted.number.as_str());
        if before.as_ref().is_some_and(|row| row.premises_id == wanted.premises_id) {
            continue;
        }
        premises::store::find(&tx.reader(), &scope, wanted.premises_id).await?;
        match before {
            Some(before) => {
                let after = account::Model { premises_id: wanted.premises_id, ..before.clone() };
                tx.update(&before, &after).await?;
            }
            None => {
                let row = account::Model {
                    id: AccountId::new(tx.clock()),
                    organization_id: scope.organization(),
                    number: wanted.number.to_string(),
                    premises_id: wanted.premises_id,
                    resident_id: resident,
                };
                tx.insert(&row).await?;
            }
        }
        changed = true;
    }
    for gone in standing.values() {
        tx.delete(gone).await?;
        changed = true;
    }
    Ok(changed)
}

/// The phones of residents, each resident's in their order.
pub(super) async fn phones_of(
    reader: &Reader<'_>,
    residents: &[ResidentId],
) -> Result<Vec<(ResidentId, PhoneNumber)>> {
    #[derive(FromQueryResult)]
    struct Row {
        resident_id: ResidentId,
        phone: PhoneNumber,
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(residents.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT resident_id, phone FROM resident_phone WHERE resident_id IN ({list})
         ORDER BY resident_id, position"
    );
    let rows = reader.all::<Row>(&sql, values).await?;
    Ok(rows.into_iter().map(|row| (row.resident_id, row.phone)).collect())
}

/// The account numbers of residents, each resident's in the order of the numbers.
pub(super) async fn accounts_of(
    reader: &Reader<'_>,
    residents: &[ResidentId],
) -> Result<Vec<(ResidentId, AccountDocument)>> {
    #[derive(FromQueryResult)]
    struct Row {
        resident_id: ResidentId,
        number: String,
        premises_id: PremisesId,
    }
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(residents.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT resident_id, number, premises_id FROM account WHERE resident_id IN ({list})
         ORDER BY resident_id, number"
    );
    let rows = reader.all::<Row>(&sql, values).await?;
    let account =
        |row: Row| (row.resident_id, AccountDocument { number: row.number, premises_id: row.premises_id });
    Ok(rows.into_iter().map(account).collect())
}
