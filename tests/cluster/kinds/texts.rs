//! Texts that several fields refuse alike.

/// What no text for people may hold: it would hide or reorder what stands beside it.
pub const UNPRINTABLE: &[(&str, char)] = &[
    ("NUL", '\0'),
    ("a tab", '\t'),
    ("a line break", '\n'),
    ("an escape", '\x1b'),
    ("a delete", '\x7f'),
    ("a next-line control", '\u{85}'),
    ("the last of the C1 controls", '\u{9f}'),
    ("an Arabic letter mark", '\u{61c}'),
    ("a left-to-right mark", '\u{200e}'),
    ("a right-to-left mark", '\u{200f}'),
    ("a left-to-right embedding", '\u{202a}'),
    ("a right-to-left override", '\u{202e}'),
    ("a left-to-right isolate", '\u{2066}'),
    ("a pop directional isolate", '\u{2069}'),
];

/// What is no name of a role or scope.
pub const NOT_ROLE_NAMES: &[(&str, &str)] = &[
    ("starts with a digit", "1reader"),
    ("starts with a hyphen", "-reader"),
    ("names a role that Logto hides", "#internal:reader"),
    ("holds a space", "user reader"),
    ("ends with a line break", "reader\n"),
    ("holds a slash", "user/reader"),
    ("holds a letter outside ASCII", "rôle"),
    (
        "holds a Cyrillic letter that looks like a Latin one",
        "аdmin",
    ),
    ("holds a right-to-left override", "reader\u{202e}"),
];

/// Every way to write the role that is superuser in Hasura.
pub const ADMINS: &[&str] = &["admin", "Admin", "ADMIN", "aDmIn"];

/// What is no name of an object in Kubernetes.
pub const NOT_OBJECT_NAMES: &[(&str, &str)] = &[
    ("has a capital", "Main"),
    ("starts with a hyphen", "-main"),
    ("ends with a hyphen", "main-"),
    ("starts with a dot", ".main"),
    ("climbs out of its folder", "../main"),
    ("names another namespace", "logto/main"),
    ("holds an underscore", "main_1"),
    ("ends with a line break", "main\n"),
];

/// As many letters as asked for.
pub fn letters(count: usize) -> String {
    "a".repeat(count)
}

/// A URI of this length.
pub fn uri(length: usize) -> String {
    let start = "https://shop.example.com/";
    format!("{start}{}", letters(length - start.len()))
}
