use crate::domain::claims::program::{Kind, VERSION};
use crate::domain::claims::script::{Deployed, NOTHING, TextHash, assemble, can_wrap, read};

const HUMAN: &str = "const getCustomJwtClaims = async () => ({ a: 1 }); // ours";

fn ours(wrapped: Option<&str>, replaced: Option<&TextHash>, intact: bool) -> Deployed {
    Deployed::Ours {
        wrapped: wrapped.map(str::to_owned),
        replaced: replaced.cloned(),
        intact,
    }
}

#[test]
fn what_was_put_together_is_read_again_to_the_letter() {
    let hash = TextHash::of("old");
    for kind in Kind::ALL {
        for wrapped in [
            None,
            Some(HUMAN),
            Some(""),
            Some("\n"),
            Some("a\r\nb\n\n"),
            Some("\u{2028}ü{{"),
        ] {
            for replaced in [None, Some(&hash)] {
                let text = assemble(kind, wrapped, replaced);
                assert_eq!(read(kind, Some(&text)), ours(wrapped, replaced, true));
            }
        }
    }
}

#[test]
fn nothing_and_what_does_nothing_is_absent() {
    for text in [None, Some(""), Some(" \n"), Some(NOTHING)] {
        assert_eq!(read(Kind::Users, text), Deployed::Absent);
    }
    for foreign in [HUMAN, "//@logto-hasura:end"] {
        assert_eq!(read(Kind::Users, Some(foreign)), Deployed::Foreign);
    }
}

#[test]
fn an_edit_between_the_marks_is_kept_and_one_outside_is_seen() {
    let text = assemble(Kind::Users, Some(HUMAN), None);
    let inside = text.replace("a: 1", "a: 2");
    let edited = HUMAN.replace("a: 1", "a: 2");
    assert_eq!(
        read(Kind::Users, Some(&inside)),
        ours(Some(&edited), None, true)
    );
    let outside = text
        .replace("=== 'admin'", "=== 'never'")
        .replace("!== 'admin'", "!== 'never'");
    assert_ne!(outside, text);
    assert_eq!(
        read(Kind::Users, Some(&outside)),
        ours(Some(HUMAN), None, false)
    );
}

#[test]
fn damage_is_never_guessed_away() {
    let hash = TextHash::of("old");
    let wrapped = assemble(Kind::Users, Some(HUMAN), Some(&hash));
    let head = format!("program users {VERSION}");
    let begin = "//@logto-hasura:wrapped\n";
    let end = "\n//@logto-hasura:end\n";
    for damaged in [
        wrapped.replace(begin, ""),
        wrapped.replace(end, ""),
        wrapped.replace(end, end.repeat(2).as_str()),
        wrapped
            .replace(begin, "X")
            .replace(end, begin)
            .replace('X', end),
        wrapped.replace("//@logto-hasura:end", "//@logto-hasura:end "),
        format!(" {wrapped}"),
        format!("{HUMAN}\n{wrapped}"),
        format!("{wrapped}{wrapped}"),
        wrapped.replace("sha256 ", "sha256 x"),
        wrapped.replace("program users", "program machines"),
        wrapped.replace(&head, "program users"),
        wrapped.replace(&head, "program users one"),
        format!("//@logto-hasura:{head}"),
    ] {
        assert_eq!(
            read(Kind::Users, Some(&damaged)),
            Deployed::Damaged,
            "{damaged}"
        );
    }
}

#[test]
fn other_versions_are_told_from_ours() {
    let text = assemble(Kind::Machines, Some(HUMAN), None);
    let with = |version: u32| {
        text.replace(
            &format!("machines {VERSION}\n"),
            &format!("machines {version}\n"),
        )
    };
    let newer = with(VERSION + 1).replace("//@logto-hasura:end", "//@logto-hasura:another-mark");
    let version = VERSION + 1;
    assert_eq!(
        read(Kind::Machines, Some(&newer)),
        Deployed::Newer { version }
    );
    let older = Deployed::Older {
        version: VERSION - 1,
        wrapped: Some(HUMAN.to_owned()),
        replaced: None,
    };
    assert_eq!(read(Kind::Machines, Some(&with(VERSION - 1))), older);
}

#[test]
fn a_text_with_a_mark_is_not_wrapped() {
    assert!(can_wrap(HUMAN));
    assert!(!can_wrap("//@logto-hasura:end"));
    assert!(!can_wrap(&assemble(Kind::Users, None, None)));
}
