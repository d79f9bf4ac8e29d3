//! The script's text: a program, and maybe somebody else's script inside it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::program::{Kind, VERSION};

/// No line of a wrapped text may look like one of ours.
const MARK: &str = "@logto-hasura:";
const HEAD: &str = "//@logto-hasura:program ";
const REPLACED: &str = "//@logto-hasura:replaced sha256 ";
const BEGIN: &str = "//@logto-hasura:wrapped\n";
const END: &str = "\n//@logto-hasura:end\n";
const NOTE: &str = "// Kept by the operator logto-hasura, which puts it back when it is edited. Its data is in the environment variables
// LOGTO_HASURA_*; a script of your own belongs between the marks of a wrapped one.\n";

/// A script that does nothing. It stands where ours was and other variables, which are not ours to delete, still are.
pub const NOTHING: &str = "const getCustomJwtClaims = () => ({});\n";

/// The SHA-256 of a text, 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextHash(String);

impl TextHash {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        let bytes = Sha256::digest(text);
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn parse(text: &str) -> Option<Self> {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        (text.len() == 64 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is at the place of the script now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// Nothing, or nothing that does anything.
    Absent,
    /// Our program of this version.
    Ours {
        /// Somebody else's script inside it.
        wrapped: Option<String>,
        /// The hash of the script that it replaced.
        replaced: Option<TextHash>,
        /// Whether it is to the letter what [`assemble`] gives.
        intact: bool,
    },
    /// Our program of an earlier version.
    Older {
        /// Its version.
        version: u32,
        /// Somebody else's script inside it.
        wrapped: Option<String>,
        /// The hash of the script that it replaced.
        replaced: Option<TextHash>,
    },
    /// Our program of a later version, which another installation keeps: it stays as it is, and so do its marks, whose
    /// layout we can not know.
    Newer {
        /// Its version.
        version: u32,
    },
    /// A script that somebody else wrote.
    Foreign,
    /// Ours once, but edited so that nobody can say what is whose.
    Damaged,
}

/// The whole text of the script. `wrapped` has to pass [`can_wrap`].
///
/// For an audience that is not ours the wrapped script's result is passed on as it is. For one of ours it goes through JSON
/// once and loses our namespaces; what it throws or denies ends the token's claims, and so does a result that is not an
/// object, which Logto would refuse by itself. A wrapped text that declares no `getCustomJwtClaims` adds nothing.
pub fn assemble(kind: Kind, wrapped: Option<&str>, replaced: Option<&TextHash>) -> String {
    let head = format!("{HEAD}{} {VERSION}\n", kind.name());
    let replaced = replaced.map_or(String::new(), |hash| format!("{REPLACED}{hash}\n"));
    let program = kind.program();
    let entry = "const getCustomJwtClaims = logtoHasura.customizer(logtoHasuraRule";
    let rest = match wrapped {
        None => ");\n".to_owned(),
        // The parameter is what `getCustomJwtClaims` means when the wrapped text declares none; without it, the name
        // would be the constant that is just being made, and reading it an error.
        Some(text) => format!(
            ", ((getCustomJwtClaims) => (() => {{\n{BEGIN}{text}{END};return typeof getCustomJwtClaims === 'function' ? getCustomJwtClaims : undefined;\n}})())());\n"
        ),
    };
    format!("{head}{replaced}{NOTE}{program}{entry}{rest}")
}

/// Whether a text can stand between the marks. Whether it is a script by itself, [`parse_check`] tells.
pub fn can_wrap(text: &str) -> bool {
    !text.contains(MARK)
}

/// What a text is.
pub fn read(kind: Kind, text: Option<&str>) -> Deployed {
    let text = match text {
        None => return Deployed::Absent,
        Some(text) if text.trim().is_empty() || text == NOTHING => return Deployed::Absent,
        Some(text) => text,
    };
    let Some(rest) = text.strip_prefix(HEAD) else {
        let was_ours = text.contains(HEAD);
        return if was_ours {
            Deployed::Damaged
        } else {
            Deployed::Foreign
        };
    };
    read_ours(kind, text, rest).unwrap_or(Deployed::Damaged)
}

fn read_ours(kind: Kind, text: &str, rest: &str) -> Option<Deployed> {
    let (line, body) = rest.split_once('\n')?;
    let version = line.strip_prefix(kind.name())?.strip_prefix(' ')?;
    let version: u32 = version.parse().ok()?;
    if version > VERSION {
        return Some(Deployed::Newer { version });
    }
    let (replaced, body) = read_replaced(body)?;
    let wrapped = read_wrapped(body)?;
    Some(if version < VERSION {
        Deployed::Older {
            version,
            wrapped,
            replaced,
        }
    } else {
        let intact = text == assemble(kind, wrapped.as_deref(), replaced.as_ref());
        Deployed::Ours {
            wrapped,
            replaced,
            intact,
        }
    })
}

fn read_replaced(body: &str) -> Option<(Option<TextHash>, &str)> {
    let Some(rest) = body.strip_prefix(REPLACED) else {
        return Some((None, body));
    };
    let (hash, body) = rest.split_once('\n')?;
    Some((Some(TextHash::parse(hash)?), body))
}

/// The text between the marks, `Some(None)` without marks, `None` when they are anything but one pair.
fn read_wrapped(body: &str) -> Option<Option<String>> {
    match body.matches(MARK).count() {
        0 => Some(None),
        2 => {
            let (_, rest) = body.split_once(BEGIN)?;
            let (text, _) = rest.split_once(END)?;
            Some(Some(text.to_owned()))
        }
        _ => None,
    }
}

/// A script for Logto's dry run that fails unless `text` is a script by itself, and that does not run it.
///
/// Unbalanced brackets would else end the function that [`assemble`] puts around it. Not every engine sees to it that the
/// body of a new function does not leave it; what leaves one function does not fit the brackets around the other.
pub fn parse_check(text: &str) -> String {
    let literal = serde_json::Value::from(text)
        .to_string()
        // Only since ES2019 may these two stand in a literal.
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    format!(
        "const text = {literal};\nnew Function(text);\nnew Function('return () => {{\\n' + text + '\\n}};');\n{NOTHING}"
    )
}
