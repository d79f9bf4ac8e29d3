//! What the emulator does beyond the recordings.
#![allow(clippy::unwrap_used)]

mod bed;
mod custom_jwt;
mod data;
mod hook;
mod keys;
mod scripts;
mod shop;
mod switches;
mod tokens;
mod user_tokens;
mod users;
