//! The part of JSONPath that Hasura takes: `$.a.b[0]["c"]['d']`, no wildcards (hasura/graphql-engine#10524).

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathElement {
    /// Into an object.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// Reads a whole path; `$` alone is the root.
pub(crate) fn parse(text: &str) -> Result<Vec<PathElement>, String> {
    if text == "$" {
        return Ok(Vec::new());
    }
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut path = Vec::new();
    while let Some((element, after)) = element(rest) {
        path.push(element);
        rest = after;
    }
    if path.is_empty() || !rest.is_empty() {
        return Err(format!(
            "{text}. Accept letters, digits, underscore (_) or hyphen (-) only. Use quotes enclosed in bracket \
             ([\"...\"]) if there is any special character"
        ));
    }
    Ok(path)
}

/// The first element of the text and what follows it; the dot before it may be missing.
fn element(text: &str) -> Option<(PathElement, &str)> {
    let text = text.strip_prefix('.').unwrap_or(text);
    if let Some(inside) = text.strip_prefix('[') {
        let (element, rest) = bracketed(inside)?;
        return Some((element, rest.strip_prefix(']')?));
    }
    let end = text
        .find(|c: char| !(c.is_alphabetic() || c.is_ascii_digit() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = name.chars().next()?;
    (first.is_alphabetic() || first == '_').then(|| (PathElement::Key(name.to_owned()), rest))
}

fn bracketed(text: &str) -> Option<(PathElement, &str)> {
    match text.chars().next()? {
        quote @ ('"' | '\'') => quoted(&text[1..], quote),
        _ => {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            Some((PathElement::Index(text[..end].parse().ok()?), &text[end..]))
        }
    }
}

/// A JSON string in either kind of quotes, read up to the first quote that is not escaped.
fn quoted(text: &str, quote: char) -> Option<(PathElement, &str)> {
    let mut json = String::from("\"");
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => {
                json.push('"');
                let key = serde_json::from_str(&json).ok()?;
                return Some((PathElement::Key(key), &text[at + 1..]));
            }
            '\\' => match characters.next()?.1 {
                '\'' if quote == '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            '"' => json.push_str("\\\""),
            _ => json.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PathElement {
        PathElement::Key(name.to_owned())
    }

    #[test]
    fn every_form_of_path_is_read() {
        let vectors = [
            ("$", vec![]),
            ("roles", vec![key("roles")]),
            (
                "$.realm_access.roles",
                vec![key("realm_access"), key("roles")],
            ),
            ("$roles[1]", vec![key("roles"), PathElement::Index(1)]),
            (
                "$.['https://hasura.io/jwt']",
                vec![key("https://hasura.io/jwt")],
            ),
            (r#"["a\"b"].c-d"#, vec![key("a\"b"), key("c-d")]),
            (r#"['it\'s "x"']"#, vec![key("it's \"x\"")]),
        ];
        for (text, path) in vectors {
            assert_eq!(parse(text), Ok(path), "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused_with_the_text_in_front() {
        for text in [
            "", "$.", "$..a", "$.a[*]", "$.a b", "$.1a", "$.a[", "$.a[-1]", "$['a]", "$.a[0",
            "$.-a",
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.starts_with(&format!("{text}. Accept letters")),
                "{text}: {error}"
            );
        }
    }
}
