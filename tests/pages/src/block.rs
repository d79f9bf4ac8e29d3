//! Fenced blocks.

use crate::Page;

/// What stands between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The word behind the first fence, such as `yaml`.
    pub language: String,
    /// The line of the first fence, from 1.
    pub line: usize,
    /// The lines between the fences.
    pub text: String,
}

impl Page {
    /// The fenced blocks, in their order; what is not closed ends with the page.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for (number, line, is_fence) in fences(&self.text) {
            match (is_fence, blocks.last_mut()) {
                (Fence::Opens, _) => blocks.push(Block {
                    language: line.trim().trim_start_matches('`').trim().to_owned(),
                    line: number,
                    text: String::new(),
                }),
                (Fence::Inside, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                _ => {}
            }
        }
        blocks
    }

    /// The lines outside of fenced blocks, with their numbers from 1.
    pub(crate) fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let outside = fences(&self.text).filter(|(_, _, fence)| *fence == Fence::Outside);
        outside.map(|(number, line, _)| (number, line))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fence {
    Outside,
    Opens,
    Inside,
    Closes,
}

/// Every line with its number, and where it stands.
fn fences(text: &str) -> impl Iterator<Item = (usize, &str, Fence)> {
    let mut is_open = false;
    text.lines().enumerate().map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        let fence = match (is_open, is_fence) {
            (false, true) => Fence::Opens,
            (true, true) => Fence::Closes,
            (true, false) => Fence::Inside,
            (false, false) => Fence::Outside,
        };
        is_open = matches!(fence, Fence::Opens | Fence::Inside);
        (index + 1, line, fence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_language_its_line_and_its_text() {
        let text = "# A\n\n```yaml\na: 1\n\nb: 2\n```\nprose\n```\nx\n```\n".to_owned();
        let page = Page {
            path: "a.md".into(),
            text,
        };
        let block = |language: &str, line, text: &str| Block {
            language: language.to_owned(),
            line,
            text: text.to_owned(),
        };
        assert_eq!(
            page.blocks(),
            [block("yaml", 3, "a: 1\n\nb: 2\n"), block("", 9, "x\n")]
        );
        let prose: Vec<_> = page.prose().collect();
        assert_eq!(prose, [(1, "# A"), (2, ""), (8, "prose")]);
    }
}
