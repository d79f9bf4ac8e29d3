use super::*;

fn owner() -> Owner {
    Owner::new("a1b2c3d4").unwrap()
}

fn spec(instance: (&str, Option<&str>), hasura_role: &str) -> HasuraRoleBindingSpec {
    let (name, namespace) = instance;
    serde_json::from_value(serde_json::json!({
        "instanceRef": {"name": name, "namespace": namespace},
        "hasuraRole": hasura_role, "scope": {"name": "read"},
    }))
    .unwrap()
}

fn marks(owner: &Owner) -> Marks {
    owner.marks("shop", "user-reader", &spec(("shop", None), "user:reader"))
}

#[test]
fn a_mark_is_found_again_behind_any_text() {
    let mark = marks(&owner()).adopted;
    for text in [
        "",
        "Reads users",
        "[logto-hasura:",
        "ends with ]",
        "Ü 🔒",
        "[logto-hasura:x/y]",
    ] {
        let put = mark.put(text);
        assert_eq!(split(&put), (text, Some(mark.clone())), "{put}");
    }
}

#[test]
fn the_longest_mark_leaves_73_of_128_characters() {
    let mark = marks(&Owner::new("x".repeat(MAX_OWNER)).unwrap()).created;
    assert_eq!(mark.put(&"x".repeat(MAX_ROLE_TEXT)).len(), 128);
}

#[test]
fn marks_differ_by_owner_and_by_all_that_can_not_change_in_a_binding_and_never_change() {
    // printf 'shop/user-reader shop/shop user:reader' | openssl sha256 -binary | head -c 16 | basenc --base64url
    let expected = marks(&owner());
    assert_eq!(
        [expected.created.to_string(), expected.adopted.to_string()],
        [
            "[logto-hasura:a1b2c3d4/9xVFYde9ninTL_9cQoQQsw]",
            "[logto-hasura:a1b2c3d4~9xVFYde9ninTL_9cQoQQsw]"
        ]
    );
    let reader = || spec(("shop", None), "user:reader");
    let of = |owner: Owner, namespace, name, spec: HasuraRoleBindingSpec| {
        let Marks { created, adopted } = owner.marks(namespace, name, &spec);
        [created, adopted]
    };
    let marks: Vec<Mark> = [
        of(owner(), "shop", "user-reader", reader()),
        of(owner(), "shop", "user-maintainer", reader()),
        of(owner(), "shop2", "user-reader", reader()),
        of(
            Owner::new("other").unwrap(),
            "shop",
            "user-reader",
            reader(),
        ),
        of(
            owner(),
            "shop",
            "user-reader",
            spec(("shop", None), "user:writer"),
        ),
        of(
            owner(),
            "shop",
            "user-reader",
            spec(("shop", None), "user:reader reader"),
        ),
        of(
            owner(),
            "shop",
            "user-reader",
            spec(("shop2", None), "user:reader"),
        ),
        of(
            owner(),
            "shop",
            "user-reader",
            spec(("shop", Some("shop2")), "user:reader"),
        ),
    ]
    .concat();
    for (i, a) in marks.iter().enumerate() {
        assert!(marks.iter().skip(i + 1).all(|b| a != b));
    }
    let named = spec(("shop", Some("shop")), "user:reader");
    assert_eq!(
        owner().marks("shop", "user-reader", &named),
        expected,
        "the same namespace, said or not"
    );
}

#[test]
fn a_role_of_several_words_leaves_no_doubt_whose_the_mark_is() {
    // printf 'shop/sales shop/shop Sales Manager' | openssl sha256 -binary | head -c 16 | basenc --base64url
    let sales = owner().marks("shop", "sales", &spec(("shop", None), "Sales Manager"));
    assert_eq!(
        sales.created.to_string(),
        "[logto-hasura:a1b2c3d4/JHNsUmfzQHJ5-dJn1lvPIw]"
    );
    let others = [
        owner().marks("shop", "sales", &spec(("shop", None), "Sales  Manager")),
        owner().marks("shop", "sales", &spec(("shop", None), "SalesManager")),
        owner().marks("shop", "sales", &spec(("shop", None), "Manager")),
        owner().marks("shop", "sales", &spec(("shop-sales", None), "Manager")),
    ];
    assert!(others.iter().all(|other| other.created != sales.created));
}

#[test]
fn what_was_made_is_told_from_what_was_taken_over_by_the_mark_alone() {
    let Marks { created, adopted } = marks(&owner());
    assert!(created.was_made_by(&owner()) && !adopted.was_made_by(&owner()));
    assert!(created.is_of(&owner()) && adopted.is_of(&owner()));
    let other = Owner::new("a1b2c3d").unwrap();
    assert!(!created.was_made_by(&other) && !created.is_of(&other));
    let mut all = vec![created.clone(), adopted.clone()];
    for (_, added) in ADOPTED {
        let mark = marks(&owner()).of_role(Some(Origin::Adopted), added);
        assert_eq!(mark.added(), added);
        assert_eq!(marks(&owner()).origin(&mark), Some(Origin::Adopted));
        assert!(mark.is_of(&owner()) && !mark.was_made_by(&owner()));
        all.push(mark);
    }
    assert_eq!(marks(&owner()).origin(&created), Some(Origin::Created));
    for mark in all {
        assert_eq!(split(&mark.put("Reads")), ("Reads", Some(mark.clone())));
    }
}

#[test]
fn what_only_looks_like_a_mark_is_text() {
    for text in [
        "[logto-hasura:a1b2c3d4/short]",
        "[logto-hasura:a1b2c3d4/nrBZQoXKpRdtWSSdKzFoQQ] and more",
        "[logto-hasura:UPPER/nrBZQoXKpRdtWSSdKzFoQQ]",
        "[logto-hasura:a1b2c3d4/nrBZQoXKpRdtWSSdKzFo??]",
    ] {
        assert_eq!(split(text), (text, None));
    }
}

#[test]
fn an_owner_is_told_from_one_whose_id_starts_the_same() {
    let mark = marks(&Owner::new("prod-2").unwrap()).created;
    assert!(mark.is_of(&Owner::new("prod-2").unwrap()));
    assert!(!mark.is_of(&Owner::new("prod").unwrap()));
}

#[test]
fn owner_ids_that_would_break_a_mark_are_refused() {
    for id in [
        "",
        "UPPER",
        "with/slash",
        "with]",
        "-a",
        "a-",
        "12345678901234567",
        "ü",
    ] {
        assert!(Owner::new(id).is_err(), "{id}");
    }
}
