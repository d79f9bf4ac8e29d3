use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;
use url::Url;

use super::super::*;
use super::PUBLIC_KEY;

fn non_empty() -> impl Strategy<Value = NonEmptyText> {
    ".{1,12}".prop_map(|text| NonEmptyText::new(text).unwrap())
}

fn string_or_uri() -> impl Strategy<Value = StringOrUri> {
    prop_oneof![
        "[^:]{0,12}",
        "https://[a-z]{1,8}\\.example(:[0-9]{2,4})?/[a-z0-9$()/_-]{0,12}",
    ]
    .prop_map(|text| StringOrUri::new(text).unwrap())
}

fn json_path() -> impl Strategy<Value = JsonPath> {
    "\\$(\\.[a-z_][a-z0-9_-]{0,4}|\\[[0-9]{1,3}\\]|\\[\"[a-z:/.$( ]{0,6}\"\\]){0,3}"
        .prop_map(|text| JsonPath::new(text).unwrap())
}

fn claim<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Claim<T>> {
    prop_oneof![
        value.clone().prop_map(Claim::Literal),
        (json_path(), option::of(value)).prop_map(|(path, default)| Claim::Path { path, default }),
    ]
}

fn others() -> impl Strategy<Value = BTreeMap<ClaimName, Claim<String>>> {
    let name = "[xX]-hasura-[a-z0-9-]{1,8}"
        .prop_filter_map("has a field of its own", |text| ClaimName::new(&text).ok());
    btree_map(name, claim(any::<String>().boxed()), 0..4)
}

fn claims() -> impl Strategy<Value = Claims> {
    let format = || {
        prop_oneof![
            Just(ClaimsFormat::Json),
            Just(ClaimsFormat::StringifiedJson)
        ]
    };
    let roles = vec(non_empty(), 0..4).boxed();
    prop_oneof![
        (non_empty(), format()).prop_map(|(name, format)| Claims::Namespace { name, format }),
        (json_path(), format()).prop_map(|(path, format)| Claims::NamespacePath { path, format }),
        (claim(roles), claim(non_empty().boxed()), others()).prop_map(
            |(allowed_roles, default_role, others)| Claims::Map(ClaimsMap {
                allowed_roles,
                default_role,
                others,
            })
        ),
    ]
}

fn keys() -> impl Strategy<Value = KeySource> {
    let url = "https?://[a-z]{1,8}(:[0-9]{2,4})?/[a-z0-9/._~-]{0,12}";
    prop_oneof![
        url.prop_map(|text| {
            KeySource::JwkUrl(JwkUrl::new(Url::parse(&text).unwrap()).unwrap())
        }),
        ".{64,80}".prop_map(|text| KeySource::Key(Key::new(KeyType::Hs512, text).unwrap())),
        Just(KeySource::Key(
            Key::new(KeyType::Es384, PUBLIC_KEY.to_owned()).unwrap()
        )),
    ]
}

fn header() -> impl Strategy<Value = TokenLocation> {
    prop_oneof![
        Just(TokenLocation::Authorization),
        non_empty().prop_map(TokenLocation::Cookie),
        non_empty().prop_map(TokenLocation::CustomHeader),
    ]
}

fn required() -> impl Strategy<Value = BTreeSet<RequiredClaim>> {
    btree_set(
        prop_oneof![Just(RequiredClaim::Audience), Just(RequiredClaim::Issuer)],
        0..3,
    )
}

prop_compose! {
    fn secret()(
        keys in keys(),
        claims in claims(),
        audience in btree_set(string_or_uri(), 0..4),
        issuer in option::of(string_or_uri()),
        allowed_skew in prop_oneof![0..400_u32, any::<u32>()],
        header in header(),
        extra_required_claims in required(),
    ) -> JwtSecret {
        JwtSecret { keys, claims, audience, issuer, allowed_skew, header, extra_required_claims }
    }
}

/// The JSON written anew with sorted keys and without whitespace, by other means than the code under test.
fn rewritten(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let fields: Vec<_> = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), rewritten(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(rewritten).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_secret(secret in secret()) {
        let json = secret.to_canonical_json();
        let read = JwtSecret::parse(&json);
        prop_assert_eq!(read.as_ref(), Ok(&secret), "{}", json);
    }

    #[test]
    fn printing_what_was_read_gives_the_same_bytes(secret in secret()) {
        let json = secret.to_canonical_json();
        prop_assert_eq!(JwtSecret::parse(&json).unwrap().to_canonical_json(), json);
    }

    #[test]
    fn keys_are_sorted_and_there_is_no_whitespace_between_them(secret in secret()) {
        let json = secret.to_canonical_json();
        let value: Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(json.replace(r"\u0024", "$"), rewritten(&value));
    }

    #[test]
    fn kubernetes_never_expands_anything_in_the_value(secret in secret()) {
        let json = secret.to_canonical_json();
        prop_assert!(!json.contains("$$") && !json.contains("$("), "{}", json);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), json in "[\\[\\]{}\":,a-z0-9_.$ ]{0,60}") {
        let _ = JwtSecret::review(&text);
        let _ = JwtSecret::review(&json);
        let _ = JsonPath::new(json);
        let _ = StringOrUri::new(text);
    }
}
