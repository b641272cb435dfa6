//! Stories of the users, each on both databases, against the real program.

#![cfg(test)]

mod operations;
