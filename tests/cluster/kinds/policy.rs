//! Who decides, who may be referred to, and what a deletion does: what the kinds have in common.

use super::{
    good::Good,
    object::{Object, binding, instance, tenant},
    refusal::{Bad, ENUM, NOT_A_BOOL, NOT_TEXT, PATTERN, TOO_LONG, TOO_SHORT, UNKNOWN},
    texts::{NOT_OBJECT_NAMES, letters},
};

/// A field of one word, with the words that it knows and some that it does not.
struct Words {
    of: Object,
    path: &'static str,
    known: &'static [&'static str],
    unknown: &'static [&'static str],
}

fn words() -> Vec<Words> {
    let mut all = Vec::new();
    for of in [tenant(), instance(), binding()] {
        all.push(Words {
            of,
            path: "spec.managementPolicy",
            known: &["Manage", "Observe"],
            unknown: &["observe", "ReadOnly", ""],
        });
    }
    for of in [instance(), binding()] {
        all.push(Words {
            of,
            path: "spec.adoptionPolicy",
            known: &["Never", "Adopt"],
            unknown: &["adopt", "Always", ""],
        });
    }
    let path = "spec.deletionPolicy";
    all.push(Words {
        of: instance(),
        path,
        known: &["Retain", "Delete"],
        unknown: &["retain", "DeleteUnused", "Orphan", ""],
    });
    all.push(Words {
        of: binding(),
        path,
        known: &["DeleteUnused", "Delete", "Retain"],
        unknown: &["deleteUnused", "Orphan", ""],
    });
    all
}

pub fn bad() -> Vec<Bad> {
    let mut rows = Vec::new();
    for Words {
        of, path, unknown, ..
    } in words()
    {
        let field = of.field(path);
        let unknown = unknown.iter().map(|word| field.bad(word, *word, ENUM));
        rows.extend(unknown);
        rows.push(field.bad("a bool", true, NOT_TEXT));
    }
    for of in [tenant(), instance(), binding()] {
        let suspend = of.field("spec.suspend");
        rows.push(suspend.bad("a text", "true", NOT_A_BOOL));
        rows.push(suspend.bad("a number", 1, NOT_A_BOOL));
    }
    // What a tenant is never asked: nothing in Logto stands for it.
    let of = tenant();
    for (path, word) in [
        ("spec.adoptionPolicy", "Adopt"),
        ("spec.deletionPolicy", "Delete"),
    ] {
        rows.push(of.field(path).bad("of a tenant", word, UNKNOWN));
    }
    rows
}

pub fn good() -> Vec<Good> {
    let mut rows = Vec::new();
    for Words {
        of, path, known, ..
    } in words()
    {
        let field = of.field(path);
        rows.extend(known.iter().map(|word| field.good(word, *word)));
    }
    for of in [tenant(), instance(), binding()] {
        let suspend = of.field("spec.suspend");
        rows.push(suspend.good("hands off", true));
        rows.push(suspend.good("by name", false));
    }
    rows
}

/// Rows for a field that names one namespace.
pub fn bad_namespace(good: &Object, path: &'static str) -> Vec<Bad> {
    let namespace = good.field(path);
    let mut rows = namespace.bad_texts(NOT_OBJECT_NAMES, PATTERN);
    rows.push(namespace.bad("a dot", "team.a", PATTERN));
    rows.push(namespace.bad("all of them", "*", PATTERN));
    rows.push(namespace.bad("empty", "", TOO_SHORT));
    rows.push(namespace.bad("64 characters", letters(64), TOO_LONG));
    rows.push(namespace.bad("a number", 1, NOT_TEXT));
    rows
}
