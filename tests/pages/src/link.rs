//! Links, and what they may point at.

use std::collections::BTreeSet;

use crate::Page;

/// An inline link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The line that it stands in, from 1.
    pub line: usize,
    /// Where it points, as written.
    pub target: String,
}

impl Page {
    /// The inline links outside of code.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (line, text) in self.prose() {
            let text = without_code(text);
            let targets = text.split("](").skip(1);
            links.extend(
                targets
                    .filter_map(|rest| rest.split_once(')'))
                    .map(|(target, _)| Link {
                        line,
                        target: target.to_owned(),
                    }),
            );
        }
        links
    }

    /// What a link to a heading of this page says behind its `#`, as GitHub makes it.
    #[must_use]
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for (_, line) in self.prose() {
            let title = line.trim_start_matches('#');
            if title.len() == line.len() || !title.starts_with(' ') {
                continue;
            }
            let anchor = anchor(title.trim());
            let mut number = 0;
            let mut free = anchor.clone();
            while !anchors.insert(free) {
                number += 1;
                free = format!("{anchor}-{number}");
            }
        }
        anchors
    }
}

/// A heading in small letters, without punctuation, and with hyphens for spaces.
fn anchor(title: &str) -> String {
    let mut text = title.to_owned();
    // Of a link only its words count.
    while let Some((before, rest)) = text.split_once("](") {
        let Some((_, after)) = rest.split_once(')') else {
            break;
        };
        text = format!("{before}{after}");
    }
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A line without its inline code, in which a bracket means nothing.
fn without_code(line: &str) -> String {
    let parts = line.split('`');
    parts.step_by(2).collect::<Vec<_>>().join("``")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            path: "a.md".into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn links_are_found_but_in_code() {
        let page = page("see [a](b.md#c) and [`d`](e) but `[f](g)`\n```\n[h](i)\n```\n[j](k)\n");
        let targets: Vec<_> = page
            .links()
            .into_iter()
            .map(|link| (link.line, link.target))
            .collect();
        let expected = [(1, "b.md#c"), (1, "e"), (5, "k")].map(|(line, to)| (line, to.to_owned()));
        assert_eq!(targets, expected);
    }

    #[test]
    fn an_anchor_is_what_github_makes_of_a_heading() {
        let page = page("# What Ready=True promises\n## It's `a`, [b](c)\n## A\n## A\n#no\n");
        let expected = ["what-readytrue-promises", "its-a-b", "a", "a-1"];
        assert_eq!(page.anchors(), expected.map(str::to_owned).into());
    }
}
