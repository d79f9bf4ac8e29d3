use crate::api::RoleSource;
use crate::domain::claims::entry::{Entry, MAX_BYTES, MAX_ROLES, TooLarge, is_key_of, key};
use crate::domain::ownership::Owner;

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn owner(id: &str) -> Owner {
    Owner::new(id).unwrap()
}

fn entry() -> Entry {
    let mut entry = Entry::new(
        "https://shop.example.com/v1/graphql",
        "https://hasura.io/jwt/claims",
        "m2m1",
    );
    entry.everyone = ["user".to_owned()].into();
    entry.default = Some("user".to_owned());
    entry.roles = [pair("user:reader", "read:user"), pair("editor", "edit")].into();
    entry.vars = [pair("x-hasura-org-id", "organization.id")].into();
    entry
}

#[test]
fn the_text_never_changes_for_the_same_data() {
    let golden = r#"{"v":1,"aud":"https://shop.example.com/v1/graphql","ns":"https://hasura.io/jwt/claims","client":"m2m1","everyone":["user"],"default":"user","source":"AssignedRoles","roles":[["editor","edit"],["user:reader","read:user"]],"vars":[["x-hasura-org-id","organization.id"]]}"#;
    assert_eq!(entry().text(), golden);

    let mut other = entry();
    other.default = None;
    other.everyone.clear();
    other.vars.clear();
    other.source = RoleSource::GrantedScopes;
    other.roles = [pair("__proto__", "a\"\u{2028}")].into();
    let golden = "{\"v\":1,\"aud\":\"https://shop.example.com/v1/graphql\",\"ns\":\"https://hasura.io/jwt/claims\",\"client\":\"m2m1\",\"everyone\":[],\"default\":null,\"source\":\"GrantedScopes\",\"roles\":[[\"__proto__\",\"a\\\"\u{2028}\"]],\"vars\":[]}";
    assert_eq!(other.text(), golden);

    // Only an entry that has lists is written otherwise than before there were any.
    let mut listed = entry();
    listed.lists = [pair("x-hasura-org-ids", "user.customData.orgs")].into();
    let golden = entry().text().replace(
        "]]}",
        r#"]],"lists":[["x-hasura-org-ids","user.customData.orgs"]]}"#,
    );
    assert_eq!(listed.text(), golden);
    assert_eq!(Entry::parse(&golden), Some(listed));
}

#[test]
fn the_key_never_changes_and_tells_owners_and_resources_apart() {
    let indicator = "https://shop.example.com/v1/graphql";
    // printf %s <indicator> | sha256sum | cut -c 1-32
    assert_eq!(
        key(&owner("a1b2c3d4"), indicator),
        "LOGTO_HASURA_a1b2c3d4_f47d85475cac847c64e68cc05d14acca"
    );
    assert_ne!(key(&owner("a"), indicator), key(&owner("b"), indicator));
    assert_ne!(
        key(&owner("a"), indicator),
        key(&owner("a"), "https://shop.example.com/v1/graphql/")
    );
    let odd = key(&owner("prod-2"), indicator);
    assert!(
        odd.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        "{odd}"
    );
}

#[test]
fn an_owner_takes_no_key_of_one_whose_id_starts_the_same() {
    let theirs = key(&owner("prod-2"), "https://shop.example.com/");
    assert!(is_key_of(&owner("prod-2"), &theirs));
    assert!(!is_key_of(&owner("prod"), &theirs));
    for foreign in [
        "LOGTO_HASURA_prod_",
        "LOGTO_HASURA_prod_x",
        "LOGTO_HASURA_prod",
        "A",
        "",
    ] {
        assert!(!is_key_of(&owner("prod"), foreign), "{foreign}");
    }
}

#[test]
fn an_entry_at_its_limits_passes_and_one_beyond_says_what_is_too_large() {
    let mut entry = entry();
    entry.roles = (0..MAX_ROLES)
        .map(|n| pair(&format!("role{n}"), "s"))
        .collect();
    assert_eq!(entry.check(), Ok(()));
    entry.roles.insert(pair("one", "more"));
    assert!(matches!(
        entry.check(),
        Err(TooLarge::Roles { roles: 501, .. })
    ));

    entry.roles = [pair("long", "")].into();
    let room = MAX_BYTES - entry.text().len();
    entry.roles = [pair("long", &"x".repeat(room))].into();
    assert_eq!((entry.text().len(), entry.check()), (MAX_BYTES, Ok(())));
    entry.roles = [pair("long", &"x".repeat(room + 1))].into();
    let error = entry.check().unwrap_err();
    assert!(matches!(error, TooLarge::Bytes { .. }));
    assert!(
        error
            .to_string()
            .contains("https://shop.example.com/v1/graphql"),
        "{error}"
    );
}

#[test]
fn only_what_an_entry_writes_is_read_as_one() {
    let text = entry().text();
    assert_eq!(Entry::parse(&text), Some(entry()));
    for other in [
        text.replace("\"v\":1", "\"v\":2"),
        text.replace("\"v\":1,", "\"v\":1,\"x\":1,"),
        text.replace(",\"default\":\"user\"", ""),
        text.replace("{\"v\"", "{ \"v\""),
        text.replace("[\"user\"]", "[\"user\",\"user\"]"),
        text.replace("]]}", "]],\"lists\":[]}"),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_ne!(other, text);
        assert_eq!(Entry::parse(&other), None, "{other}");
    }
}
