use serde::Serialize;

use super::error::Invalid;

/// A path into the token, in the subset of JSONPath that Hasura reads: `$`, `.name`, `[0]`, `["any key"]`, `['any key']`.
/// There are no wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct JsonPath(String);

impl JsonPath {
    /// # Errors
    /// [`Invalid::Path`] when Hasura's parser (`Data/Parser/JSONPath.hs`) would refuse the text.
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        if is_path(&text) {
            Ok(Self(text))
        } else {
            Err(Invalid::Path(text))
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_path(text: &str) -> bool {
    if text == "$" {
        return true;
    }
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut elements = 0;
    while !rest.is_empty() {
        match after_element(rest) {
            Some(tail) => rest = tail,
            None => return false,
        }
        elements += 1;
    }
    elements > 0
}

/// What follows the first element of the path, if it starts with one.
fn after_element(text: &str) -> Option<&str> {
    let text = text.strip_prefix('.').unwrap_or(text);
    match text.strip_prefix('[') {
        Some(inner) => after_bracket(inner),
        None => after_name(text),
    }
}

fn after_name(text: &str) -> Option<&str> {
    let tail = text.strip_prefix(|c: char| c.is_alphabetic() || c == '_')?;
    Some(tail.trim_start_matches(|c: char| {
        c.is_alphabetic() || c.is_ascii_digit() || c == '_' || c == '-'
    }))
}

fn after_bracket(text: &str) -> Option<&str> {
    let tail = match text.chars().next()? {
        quote @ ('"' | '\'') => after_quoted(&text[1..], quote)?,
        _ => text
            .strip_prefix(|c: char| c.is_ascii_digit())?
            .trim_start_matches(|c: char| c.is_ascii_digit()),
    };
    tail.strip_prefix(']')
}

/// What follows a quoted key, if its content is a JSON string once the quotes are made double ones.
fn after_quoted(text: &str, quote: char) -> Option<&str> {
    let mut json = String::from('"');
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                json.push('"');
                return serde_json::from_str::<String>(&json)
                    .is_ok()
                    .then(|| &text[at + 1..]);
            }
            '\\' => match chars.next()? {
                (_, '\'') if quote == '\'' => json.push('\''),
                (_, escaped) => json.extend(['\\', escaped]),
            },
            '"' => json.push_str("\\\""),
            c => json.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::JsonPath;

    #[test]
    fn paths_that_hasura_reads_are_accepted() {
        for text in [
            "$",
            "$.roles",
            "roles",
            ".roles",
            "$roles",
            "$.a.b[0].c-d",
            "$[\"https://hasura.io/jwt/claims\"]",
            "$['it\\'s']",
            "$['say \"hi\"']",
            "$.a.[0]",
            "[12][\"\\u0041\"]",
            "$.größe",
        ] {
            assert!(JsonPath::new(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn paths_that_stop_hasura_are_refused() {
        for text in [
            "",
            "$.",
            "$..a",
            "$.a.*",
            "$.1a",
            "$.a b",
            "$[]",
            "$[a]",
            "$[1",
            "$[\"a]",
            "$[\"\\x\"]",
            "$['a\"]",
            "$.a:b",
            "$$",
            "$.-a",
        ] {
            assert!(JsonPath::new(text).is_err(), "{text}");
        }
    }
}
