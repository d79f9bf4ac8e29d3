//! The search parameters of the lists (packages/core/src/utils/search.ts of Logto).

use crate::{answer::Answer, call::Call, errors};

const LIKE: &str = "like";
const EXACT: &str = "exact";
const MODES: [&str; 4] = [LIKE, EXACT, "similar_to", "posix"];
const JOINTS: [&str; 2] = ["or", "and"];

/// A field of a row: its column name and its value.
pub(crate) type Column<'a> = (&'static str, Option<&'a str>);

/// The field that a parameter names; none stands for every field.
type Field = Option<String>;

/// A search as it was asked for.
pub(crate) struct Search {
    conditions: Vec<Condition>,
    all_must_match: bool,
    case_sensitive: bool,
}

struct Condition {
    field: Field,
    exact: bool,
    values: Vec<String>,
}

impl Search {
    /// Reads the search of a list whose rows have these `columns`.
    pub(crate) fn of(call: &Call, columns: &[&str]) -> Result<Self, Answer> {
        let joint = call
            .query_value("joint")
            .or_else(|| call.query_value("jointMode"))
            .filter(|joint| !joint.is_empty())
            .unwrap_or("or");
        if !JOINTS.contains(&joint) {
            return Err(not_valid("joint mode", joint, &JOINTS));
        }
        let modes = modes_of(call)?;
        let mut search = Self {
            conditions: values_of(call)?
                .into_iter()
                .map(|(field, values)| Condition::new(field, values, &modes))
                .collect::<Result<_, _>>()?,
            all_must_match: joint == "and",
            case_sensitive: call.query_flag("isCaseSensitive"),
        };
        for condition in &mut search.conditions {
            condition.name_column(columns)?;
        }
        Ok(search)
    }

    /// Whether the row is found: the row passes the list's own filter (`base`) and the search.
    pub(crate) fn finds(&self, base: bool, row: &[Column<'_>]) -> bool {
        let mut hits = self.conditions.iter().map(|one| self.meets(one, row));
        let found = if self.all_must_match || self.conditions.is_empty() {
            hits.all(|hit| hit)
        } else {
            hits.any(|hit| hit)
        };
        base && found
    }

    /// As [`Search::finds`], with the leak of roles and scopes: several conditions joined by `or` stand behind the
    /// list's own filter without parentheses, so from the second one on they find what the filter excludes.
    pub(crate) fn finds_or_leaks(&self, base: bool, row: &[Column<'_>]) -> bool {
        let leaked = !self.all_must_match
            && self
                .conditions
                .iter()
                .skip(1)
                .any(|one| self.meets(one, row));
        leaked || self.finds(base, row)
    }

    fn meets(&self, condition: &Condition, row: &[Column<'_>]) -> bool {
        row.iter()
            .filter(|(name, _)| {
                condition
                    .field
                    .as_deref()
                    .is_none_or(|field| field == *name)
            })
            .filter_map(|(_, value)| *value)
            .any(|value| self.meets_value(condition, value))
    }

    fn meets_value(&self, condition: &Condition, value: &str) -> bool {
        let fold = |text: &str| match self.case_sensitive {
            true => text.to_owned(),
            false => text.to_lowercase(),
        };
        let value = fold(value);
        condition.values.iter().any(|wanted| match condition.exact {
            true => fold(wanted) == value,
            false => is_like(&fold(wanted), &value),
        })
    }
}

impl Condition {
    fn new(field: Field, values: Vec<String>, modes: &[(Field, String)]) -> Result<Self, Answer> {
        let mode_for = |wanted: &Field| {
            modes
                .iter()
                .rev()
                .find(|(field, _)| field == wanted)
                .map(|(_, mode)| mode.as_str())
        };
        let mode = mode_for(&field).or(mode_for(&None)).unwrap_or(LIKE);
        if mode != EXACT && values.len() > 1 {
            return Err(errors::invalid_search(
                "Only one search value is allowed when search mode is not `exact`.",
            ));
        }
        if values.iter().any(String::is_empty) {
            return Err(errors::invalid_search("Search value cannot be empty."));
        }
        if mode != EXACT && mode != LIKE {
            // Nobody here searches by regular expression; saying so is better than a wrong answer.
            return Err(Answer::text(501, "this search mode is not emulated"));
        }
        Ok(Self {
            field,
            exact: mode == EXACT,
            values,
        })
    }

    fn name_column(&mut self, columns: &[&str]) -> Result<(), Answer> {
        let Some(field) = &self.field else {
            return Ok(());
        };
        let column = snake_case(field);
        if !columns.contains(&column.as_str()) {
            return Err(not_valid("field", &column, columns));
        }
        self.field = Some(column);
        Ok(())
    }
}

fn modes_of(call: &Call) -> Result<Vec<(Field, String)>, Answer> {
    let mut modes = Vec::new();
    for (key, value) in &call.query {
        if !key.starts_with("mode") {
            continue;
        }
        let field = field_of(key)?;
        if !MODES.contains(&value.as_str()) {
            return Err(not_valid("match mode", value, &MODES));
        }
        modes.push((field, value.clone()));
    }
    Ok(modes)
}

fn values_of(call: &Call) -> Result<Vec<(Field, Vec<String>)>, Answer> {
    let mut found: Vec<(Field, Vec<String>)> = Vec::new();
    for (key, value) in &call.query {
        if !key.starts_with("search") {
            continue;
        }
        let field = field_of(key)?;
        match found.iter_mut().find(|(name, _)| *name == field) {
            Some((_, values)) => values.push(value.clone()),
            None => found.push((field, vec![value.clone()])),
        }
    }
    Ok(found)
}

fn field_of(key: &str) -> Result<Field, Answer> {
    let mut parts = key.splitn(2, '.').skip(1);
    match parts.next() {
        Some(path) if path.contains('.') => Err(errors::invalid_search(&format!(
            "Unsupported nested search field path `{path}` detected. Only the first level field is supported."
        ))),
        field => Ok(field.map(ToOwned::to_owned)),
    }
}

fn not_valid(what: &str, value: &str, options: &[&str]) -> Answer {
    let options = options.join(", ");
    errors::invalid_search(&format!(
        "Search {what} `{value}` is not valid, expect one of {options}."
    ))
}

fn snake_case(field: &str) -> String {
    let mut column = String::new();
    for letter in field.chars() {
        if letter.is_uppercase() {
            column.push('_');
        }
        column.extend(letter.to_lowercase());
    }
    column
}

/// SQL's LIKE: `%` is any text, `_` any character, and a backslash takes the next one as it is.
fn is_like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // `reached[i]`: the pattern so far matches the first i characters of the text.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern.iter();
    while let Some(letter) = rest.next() {
        let mut next = vec![false; text.len() + 1];
        if *letter == '%' {
            let first = reached.iter().position(|hit| *hit).unwrap_or(next.len());
            next[first..].fill(true);
        } else {
            let literal = if *letter == '\\' { rest.next() } else { None };
            for (index, found) in text.iter().enumerate() {
                let fits = match literal {
                    Some(escaped) => escaped == found,
                    None => *letter == '_' || letter == found,
                };
                next[index + 1] = reached[index] && fits;
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::{is_like, snake_case};

    #[test]
    fn like_knows_its_wildcards() {
        for (pattern, text, expected) in [
            ("read%", "read:user", true),
            ("%user", "read:user", true),
            ("%a%b%", "xaxbx", true),
            ("user", "read:user", false),
            ("r__d", "read", true),
            ("r_d", "read", false),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("%", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn fields_become_columns() {
        assert_eq!(snake_case("primaryEmail"), "primary_email");
        assert_eq!(snake_case("name"), "name");
    }
}
