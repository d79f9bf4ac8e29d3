//! The words of V8's `JSON.parse` about malformed JSON, which Logto hands through.

use serde_json::error::Category;

/// What V8 says about `body`, which serde_json refused with `error`.
///
/// The three usual cases are worded as V8 does; the rest differ there by the kind of token and are not told apart.
pub(crate) fn message(body: &[u8], error: &serde_json::Error) -> String {
    if error.classify() == Category::Eof {
        return "Unexpected end of JSON input".to_owned();
    }
    let position = position_of(body, error);
    let (line, column) = (error.line(), error.column());
    let opens_object = body[..position.min(body.len())]
        .trim_ascii_end()
        .ends_with(b"{");
    if opens_object {
        return format!(
            "Expected property name or '}}' in JSON at position {position} (line {line} column {column})"
        );
    }
    let text = String::from_utf8_lossy(body);
    let found = body.get(position).map_or(' ', |byte| char::from(*byte));
    format!("Unexpected token '{found}', \"{text:.40}\" is not valid JSON")
}

// serde_json counts lines and columns from 1 (a column is a byte); V8 counts the position from 0.
fn position_of(body: &[u8], error: &serde_json::Error) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before + error.column().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    fn words(body: &str) -> String {
        let error = serde_json::from_str::<serde_json::Value>(body).unwrap_err();
        super::message(body.as_bytes(), &error)
    }

    #[test]
    fn a_bare_word_for_a_property_name() {
        assert_eq!(
            words("{not json"),
            "Expected property name or '}' in JSON at position 1 (line 1 column 2)"
        );
        assert_eq!(
            words("{\n  x"),
            "Expected property name or '}' in JSON at position 4 (line 2 column 3)"
        );
    }

    #[test]
    fn a_text_that_ends_too_early() {
        assert_eq!(words("{\"name\":"), "Unexpected end of JSON input");
    }

    #[test]
    fn a_text_that_is_no_json_at_all() {
        assert_eq!(
            words("<html>"),
            "Unexpected token '<', \"<html>\" is not valid JSON"
        );
    }
}
