//! Somebody else's script inside ours: read back to the letter, and only if it is a script by itself.

use logto_hasura::domain::claims::{
    program::Kind,
    script::{Deployed, NOTHING, TextHash, assemble, can_wrap, parse_check, read},
};
use proptest::prelude::*;
use script_runner::{Failure, run};
use serde_json::json;

use crate::world::in_both;

/// Characters that scripts are made of, and pieces of our own marks.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => proptest::sample::select(vec![
            "\n", "\r\n", "//", "/*", "*/", "{", "}", "`", "\"", "'", "const getCustomJwtClaims = () => ({});", "@logto-hasura", ":", "end", "wrapped", "\u{2028}",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_wrapped_text_is_read_back_to_the_letter(text in text(), old in proptest::option::of(text())) {
        prop_assume!(can_wrap(&text));
        let replaced = old.as_deref().map(TextHash::of);
        for kind in Kind::ALL {
            let script = assemble(kind, Some(&text), replaced.as_ref());
            let ours = Deployed::Ours { wrapped: Some(text.clone()), replaced: replaced.clone(), intact: true };
            prop_assert_eq!(read(kind, Some(&script)), ours);
        }
    }

    #[test]
    fn any_text_without_our_marks_is_foreign(text in text()) {
        prop_assume!(can_wrap(&text) && !text.trim().is_empty() && text != NOTHING);
        prop_assert_eq!(read(Kind::Users, Some(&text)), Deployed::Foreign);
    }

    #[test]
    fn a_text_that_passes_the_check_does_not_break_our_program(text in text()) {
        prop_assume!(can_wrap(&text));
        if run(&parse_check(&text), &json!({})).is_ok() {
            let whole = run(&assemble(Kind::Users, Some(&text), None), &json!({}));
            prop_assert!(!matches!(whole, Err(Failure::Syntax(_) | Failure::Missing)), "{:?}: {:?}", text, whole);
        }
    }
}

#[test]
fn only_a_text_that_parses_by_itself_passes_and_none_is_run() {
    for text in [
        "const getCustomJwtClaims = () => ({}); // done",
        "'use strict'; const a = `\n`; /* x */",
        "throw new Error('not run');",
        "for (;;);",
        "",
        "const s = '\u{2028}';",
    ] {
        assert_eq!(
            in_both(&parse_check(text), &json!({})),
            Ok(json!({})),
            "{text}"
        );
    }
    for text in [
        "const getCustomJwtClaims = () => {{;",
        "/*",
        "`",
        "})(); (() => {",
        "}",
        "import 'fs';",
        "a b",
        "const a = 1; const a = 2;",
        "}; {",
    ] {
        let result = in_both(&parse_check(text), &json!({}));
        assert!(
            matches!(result, Err(Failure::Syntax(_))),
            "{text}: {result:?}"
        );
    }
}
