//! The recordings: read from the folder beside the workspace when that is there, otherwise from this project's copy.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// The recordings that are replayed, in their order, and how many entries each has.
///
/// 13 (hooks) is of what the emulator does not do.
pub const RECORDINGS: [(&str, usize); 12] = [
    ("01-token", 16),
    ("02-discovery", 5),
    ("03-resources", 30),
    ("04-scopes", 33),
    ("05-roles", 52),
    ("06-users", 45),
    ("07-jwt-customizer", 28),
    ("08-token-claims", 24),
    ("09-authn-hasura", 26),
    ("10-deletes", 15),
    ("11-pages", 11),
    ("12-races", 3),
];

/// The project's copy of a recording.
pub fn copy_of(name: &str) -> PathBuf {
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join(format!("transcripts/{name}.json"))
}

/// The recording itself, which is there only where the project is developed.
pub fn original_of(name: &str) -> Option<PathBuf> {
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace = crate_folder.join("../..");
    let path = workspace.join(format!("../shared/logto/transcripts/{name}.json"));
    path.exists().then_some(path)
}

/// The entries of a recording.
pub fn entries_of(name: &str) -> Vec<Value> {
    let path = original_of(name).unwrap_or_else(|| copy_of(name));
    let text = fs::read_to_string(&path).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    recording["exchanges"].as_array().unwrap().clone()
}
