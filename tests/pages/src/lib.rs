//! The project's Markdown pages, as its tests read them.
//!
//! Only what these pages use of Markdown is understood: fences of backticks, inline code, inline links, and headings that
//! begin with `#`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod block;
mod link;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

pub use block::Block;
pub use link::Link;

/// One Markdown file.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is, from the project's root.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All pages of the project, in the order of their paths.
///
/// # Errors
/// When a folder or a page can not be read.
pub fn all() -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    find(&root(), Path::new(""), &mut pages)?;
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(pages)
}

/// Collects the pages below a folder. What is built or hidden is no part of the project.
fn find(root: &Path, folder: &Path, pages: &mut Vec<Page>) -> Result<()> {
    let here = root.join(folder);
    for entry in fs::read_dir(&here).with_context(|| here.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = folder.join(&name);
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            find(root, &path, pages)?;
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(entry.path())?;
            pages.push(Page { path, text });
        }
    }
    Ok(())
}
