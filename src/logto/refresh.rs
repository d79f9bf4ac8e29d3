//! When a running Hasura reads a key set again, told by the headers that came with it.
//!
//! As Hasura reads them: `determineJwkExpiryLifetime` in `server/src-lib/Hasura/Server/Auth/JWT.hs` and
//! `Data/Parser/CacheControl.hs` of hasura/graphql-engine. It compares names to the letter, stops silently where the
//! list of directives breaks off, and never reads a key set again whose headers say nothing, or nothing readable.

use jiff::Timestamp;
use reqwest::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName};

/// When a running Hasura reads a key set again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Never.
    Never,
    /// At each tick: each minute, before Hasura 2.41 each second.
    EachTick,
    /// After so many seconds, at least one.
    AfterSeconds(i64),
    /// At the time that the answer names, which is to come.
    AtExpires,
}

/// The longest time that is told apart, in seconds: ten years.
const LONGEST: i64 = 315_360_000;

/// What these headers of a key set come to at this time.
pub(super) fn refresh(headers: &HeaderMap, now: Timestamp) -> Refresh {
    match text(headers, CACHE_CONTROL) {
        None => by_expires(headers, now),
        Some(text) => match by_cache_control(&text) {
            Ok(Some(0)) => Refresh::EachTick,
            Ok(Some(seconds)) => Refresh::AfterSeconds(seconds),
            Ok(None) => by_expires(headers, now),
            Err(Unreadable) => Refresh::Never,
        },
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn by_expires(headers: &HeaderMap, now: Timestamp) -> Refresh {
    let time = text(headers, EXPIRES).filter(|text| text.ends_with(" GMT"));
    let time = time.and_then(|text| jiff::fmt::rfc2822::parse(&text).ok());
    match time {
        None => Refresh::Never,
        Some(time) if time.timestamp() <= now => Refresh::EachTick,
        Some(_) => Refresh::AtExpires,
    }
}

/// A Cache-Control that makes Hasura give up on the expiry as a whole, Expires included.
struct Unreadable;

/// Seconds that the keys are kept; nothing when the header does not say.
fn by_cache_control(text: &str) -> Result<Option<i64>, Unreadable> {
    let directives = directives(text).ok_or(Unreadable)?;
    let has = |name: &str| directives.contains(&(name, None));
    let age = directives.iter().find_map(|(name, value)| match name {
        &"max-age" | &"s-maxage" => *value,
        _ => None,
    });
    let age = age
        .map(|value| seconds(value).ok_or(Unreadable))
        .transpose()?;
    Ok(if has("must-revalidate") {
        Some(age.unwrap_or(0))
    } else if has("no-cache") || has("no-store") {
        Some(0)
    } else {
        age
    })
}

/// The number that the text begins with.
fn seconds(text: &str) -> Option<i64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let digits = &text[..end];
    // Only a number that is too long for the type fails to be read once it is not empty.
    (!digits.is_empty()).then(|| digits.parse().map_or(LONGEST, |n: i64| n.min(LONGEST)))
}

type Directive<'a> = (&'a str, Option<&'a str>);

/// The directives up to where the list breaks off; nothing when there is not even one.
fn directives(text: &str) -> Option<Vec<Directive<'_>>> {
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(',') {
        rest = without_one_space(after);
    }
    let (first, mut rest) = directive(rest)?;
    let mut all = vec![first];
    while let Some(after) = without_one_space(rest).strip_prefix(',') {
        rest = after;
        if let Some((next, after)) = directive(without_one_space(after)) {
            all.push(next);
            rest = after;
        }
    }
    Some(all)
}

fn without_one_space(text: &str) -> &str {
    text.strip_prefix(char::is_whitespace).unwrap_or(text)
}

fn directive(text: &str) -> Option<(Directive<'_>, &str)> {
    let (name, rest) = token(text)?;
    let valued = rest
        .strip_prefix('=')
        .and_then(|rest| token(rest).or_else(|| quoted(rest)));
    Some(match valued {
        Some((value, rest)) => ((name, Some(value)), rest),
        None => ((name, None), rest),
    })
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_part =
        |c: char| c.is_alphabetic() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('"')?.split_once('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAST: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const TO_COME: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn of(headers: &[(HeaderName, &str)]) -> Refresh {
        let now = jiff::fmt::rfc2822::parse(PAST).unwrap().timestamp();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        refresh(&headers, now)
    }

    #[test]
    fn cache_control_is_read_as_hasura_reads_it() {
        for (text, expected) in [
            // Logto 1.39 and later.
            ("no-cache, max-age=0, must-revalidate", Refresh::EachTick),
            ("max-age=60", Refresh::AfterSeconds(60)),
            ("public,max-age=\"60\"", Refresh::AfterSeconds(60)),
            ("s-maxage=7", Refresh::AfterSeconds(7)),
            ("s-maxage=7, max-age=60", Refresh::AfterSeconds(7)),
            ("max-age=60, must-revalidate", Refresh::AfterSeconds(60)),
            (
                "no-cache, max-age=60, must-revalidate",
                Refresh::AfterSeconds(60),
            ),
            ("must-revalidate", Refresh::EachTick),
            ("no-cache, max-age=60", Refresh::EachTick),
            ("no-store", Refresh::EachTick),
            ("max-age=0", Refresh::EachTick),
            (", , max-age=60", Refresh::AfterSeconds(60)),
            ("max-age=60 seconds", Refresh::AfterSeconds(60)),
            (
                "max-age=99999999999999999999",
                Refresh::AfterSeconds(LONGEST),
            ),
            // A value makes it another directive.
            (
                "no-cache=\"Set-Cookie\", max-age=60",
                Refresh::AfterSeconds(60),
            ),
            // Names are compared to the letter, and the list ends where it can not be read on.
            ("Max-Age=60", Refresh::Never),
            ("public,  max-age=60", Refresh::Never),
            ("public; max-age=60", Refresh::Never),
            ("public", Refresh::Never),
            ("max-age", Refresh::Never),
        ] {
            assert_eq!(of(&[(CACHE_CONTROL, text)]), expected, "{text}");
        }
    }

    #[test]
    fn expires_counts_only_where_cache_control_says_nothing() {
        assert_eq!(of(&[]), Refresh::Never);
        assert_eq!(of(&[(EXPIRES, TO_COME)]), Refresh::AtExpires);
        assert_eq!(of(&[(EXPIRES, PAST)]), Refresh::EachTick);
        for unreadable in ["0", "", "tomorrow", "Sun, 06 Nov 1994 08:49:38 +0000"] {
            assert_eq!(of(&[(EXPIRES, unreadable)]), Refresh::Never, "{unreadable}");
        }
        let both = |cache_control| of(&[(CACHE_CONTROL, cache_control), (EXPIRES, TO_COME)]);
        assert_eq!(both("public"), Refresh::AtExpires);
        assert_eq!(both("max-age=60"), Refresh::AfterSeconds(60));
        assert_eq!(both("no-store"), Refresh::EachTick);
    }

    #[test]
    fn a_cache_control_that_can_not_be_read_ends_the_search() {
        for broken in ["", " max-age=60", "=60", "max-age=soon"] {
            let both = of(&[(CACHE_CONTROL, broken), (EXPIRES, TO_COME)]);
            assert_eq!(both, Refresh::Never, "{broken:?}");
        }
    }
}
