//! Every link within the project leads somewhere.

use std::path::{Component, Path, PathBuf};

use pages::Page;

#[test]
fn every_relative_link_and_anchor_of_every_page_leads_somewhere() {
    let pages = pages::all().unwrap();
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in &pages {
        for link in page.links() {
            if link.target.contains("://") || link.target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            if let Err(why) = follow(&pages, page, &link.target) {
                broken.push(format!(
                    "{}:{}: {}: {why}",
                    page.path.display(),
                    link.line,
                    link.target
                ));
            }
        }
    }
    assert!(seen > 50, "only {seen} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

fn follow(pages: &[Page], from: &Page, target: &str) -> Result<(), &'static str> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        from.path.clone()
    } else {
        normal(&from.path.parent().unwrap().join(file)).ok_or("outside of the project")?
    };
    if !pages::root().join(&path).exists() {
        return Err("there is no such file");
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let page = pages.iter().find(|page| page.path == path);
    let page = page.ok_or("an anchor in what is no page")?;
    if page.anchors().contains(anchor) {
        Ok(())
    } else {
        Err("there is no such heading")
    }
}

/// A path without `..`; nothing when it leaves the project.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => normal.pop().then_some(())?,
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

/// Folders of the project whose files pages speak of.
const FOLDERS: [&str; 6] = [
    "src/",
    "tests/",
    "docs/",
    "charts/",
    "examples/",
    "benches/",
];

#[test]
fn every_file_that_a_page_speaks_of_is_there() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for page in pages::all().unwrap() {
        for (line, text) in page.text.lines().enumerate() {
            let code = text.split('`').skip(1).step_by(2);
            let is_path = |code: &&str| {
                FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains(['{', ' '])
            };
            for path in code.filter(is_path) {
                seen += 1;
                if !pages::root().join(path).exists() {
                    missing.push(format!("{}:{}: {path}", page.path.display(), line + 1));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} were found");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_index_names_every_page_of_the_documentation() {
    let pages = pages::all().unwrap();
    let index = pages
        .iter()
        .find(|page| page.path == Path::new("docs/README.md"));
    let index = index.expect("docs/README.md");
    let named: Vec<PathBuf> = index
        .links()
        .iter()
        .filter_map(|link| normal(&Path::new("docs").join(link.target.split('#').next()?)))
        .collect();
    for page in &pages {
        let is_documentation = page.path.starts_with("docs") && page.path != index.path;
        assert!(
            !is_documentation || named.contains(&page.path),
            "docs/README.md does not name {}",
            page.path.display()
        );
    }
}
