//! What the emulator does beyond the recordings.
#![allow(clippy::unwrap_used)]

mod bed;
mod data;
mod switches;
mod tokens;
