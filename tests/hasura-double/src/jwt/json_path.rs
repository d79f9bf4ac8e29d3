//! The part of JSONPath that Hasura takes: `$.a.b[0]["c"]['d']`, no wildcards (hasura/graphql-engine#10524).

use serde_json::Value;

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

/// What is at the end of the path.
pub(crate) fn find<'a>(path: &[PathElement], root: &'a Value) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, element| match element {
        PathElement::Key(key) => value.as_object()?.get(key),
        PathElement::Index(index) => value.as_array()?.get(*index),
    })
}

/// The path as the engine writes it in messages.
pub(crate) fn write(path: &[PathElement]) -> String {
    let is_plain = |key: &str| {
        key.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c))
    };
    path.iter()
        .fold("$".to_owned(), |text, element| match element {
            PathElement::Key(key) if is_plain(key) => format!("{text}.{key}"),
            PathElement::Key(key) => format!("{text}[{key:?}]"),
            PathElement::Index(index) => format!("{text}[{index}]"),
        })
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
    use serde_json::json;

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
    fn a_path_leads_into_objects_and_lists_or_to_nothing() {
        let root = json!({"a": [{"b c": 1}]});
        let path = parse("$.a[0][\"b c\"]").unwrap();
        assert_eq!(find(&path, &root), Some(&json!(1)));
        assert_eq!(write(&path), "$.a[0][\"b c\"]");
        assert_eq!(find(&[], &root), Some(&root));
        for missing in ["$.b", "$.a[1]", "$.a.b", "$[0]"] {
            assert_eq!(find(&parse(missing).unwrap(), &root), None, "{missing}");
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
