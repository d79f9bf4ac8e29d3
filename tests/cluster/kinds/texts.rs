//! Texts that several fields refuse alike.

/// What no text for people may hold: it would hide or reorder what stands beside it.
pub const UNPRINTABLE: &[(&str, char)] = &[
    ("NUL", '\0'),
    ("a tab", '\t'),
    ("a line break", '\n'),
    ("the last of the C0 controls", '\x1f'),
    ("a delete", '\x7f'),
    ("the first of the C1 controls", '\u{80}'),
    ("the last of the C1 controls", '\u{9f}'),
    ("an Arabic letter mark", '\u{61c}'),
    ("a left-to-right mark", '\u{200e}'),
    ("a right-to-left mark", '\u{200f}'),
    ("a left-to-right embedding", '\u{202a}'),
    ("a right-to-left override", '\u{202e}'),
    ("a left-to-right isolate", '\u{2066}'),
    ("a pop directional isolate", '\u{2069}'),
];

/// What is no name of a role or scope, and no beginning of one.
pub const NOT_NAMES: &[(&str, &str)] = &[
    ("starts with a digit", "1reader"),
    ("starts with a hyphen", "-reader"),
    ("starts with a star", "*:reader"),
    ("a name that Logto hides", "#internal:reader"),
    ("a space before it", " reader"),
    ("only a space", " "),
    ("two spaces in a row", "user  reader"),
    ("two spaces at its end", "reader  "),
    ("a tab", "user\treader"),
    ("a space that does not break", "user\u{a0}reader"),
    ("a line break in it", "user\nreader"),
    ("a line break at its end", "reader\n"),
    ("a role of a binding that is gone", "reader (unbound)"),
    ("a slash", "user/reader"),
    ("a letter outside ASCII", "rôle"),
    ("a Cyrillic letter like a Latin one", "\u{430}dmin"),
    ("a right-to-left override", "reader\u{202e}"),
];

/// What else is no name of a role.
pub const NOT_ROLE_NAMES: &[(&str, &str)] = &[
    ("a space at its end", "user reader "),
    ("a space at the end of the superuser", "admin "),
    ("a star", "user:*:reader"),
];

/// What else is no name of a scope: a client asks for several with a space between them.
pub const NOT_SCOPE_NAMES: &[(&str, &str)] = &[
    ("a space", "user reader"),
    ("a space at its end", "reader "),
    ("only a star", "*"),
];

/// Every way to write the role that is superuser in Hasura.
pub const ADMINS: &[(&str, &str)] = &[
    ("the superuser", "admin"),
    ("the superuser with a capital", "Admin"),
    ("the superuser in capitals", "ADMIN"),
    ("the superuser in mixed case", "aDmIn"),
];

/// What is no name of an object in Kubernetes.
pub const NOT_OBJECT_NAMES: &[(&str, &str)] = &[
    ("a capital", "Main"),
    ("starts with a hyphen", "-main"),
    ("ends with a hyphen", "main-"),
    ("starts with a dot", ".main"),
    ("climbs out of its folder", "../main"),
    ("names another namespace", "logto/main"),
    ("an underscore", "main_1"),
    ("a line break at its end", "main\n"),
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
