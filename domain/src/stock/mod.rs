//! Where materials lie: storerooms and the vans of technicians. Every change is a movement that is never edited; balances
//! follow the movements in the same commit, and are their sum at any time.

mod balance;
pub mod movement;
pub mod place;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use self::balance::{give_back, take_for_use};
pub use self::{
    balance::{BalanceDocument, BalanceFilter, balances, decimal},
    verify::{Finding, verify},
};
