//! What parses texts that somebody else may have written: whatever they are, no panic, in little time, and what is read
//! can be written and read again.

use fuzzer::{Said, fuzz};

use super::claims::{
    entry::Entry,
    program::Kind,
    script::{Deployed, TextHash, assemble, can_wrap, parse_check, read},
};
use super::jwt_secret::JwtSecret;
use crate::api::RoleSource;

#[test]
fn fuzz_jwt_secrets_of_hasura_read_alike_again_and_no_message_holds_a_key() {
    let seeds: [&[u8]; 5] = [
        br#"{"type":"HS256","key":"0123456789abcdef0123456789abcdef","claims_namespace":"x","audience":["a","b"],"issuer":"i"}"#,
        br#"{"jwk_url":"https://logto.example.com/oidc/jwks","claims_namespace_path":"$.a['b']","claims_format":"stringified_json"}"#,
        br#"{"jwk_url":"https://l.example/jwks","claims_map":{"x-hasura-allowed-roles":{"path":"$.roles","default":["user"]},"x-hasura-default-role":"user"}}"#,
        br#"{"jwk_url":"https://l.example/jwks","header":{"type":"Cookie","name":"token"},"allowed_skew":60}"#,
        br#"{"type":"RS256","key":"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"}"#,
    ];
    fuzz("JWT secrets", &seeds, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Said::Refused;
        };
        match JwtSecret::review(text) {
            Ok(review) => {
                let printed = review.secret.to_canonical_json();
                assert_eq!(JwtSecret::parse(&printed), Ok(review.secret), "{printed}");
                Said::Taken
            }
            Err(invalid) => {
                let fields: Option<serde_json::Value> = serde_json::from_str(text).ok();
                let key = fields.as_ref().and_then(|fields| fields["key"].as_str());
                if let Some(key) = key.filter(|key| key.len() >= 16) {
                    assert!(!format!("{invalid} {invalid:?}").contains(key), "{invalid}");
                }
                Said::Refused
            }
        }
    });
}

#[test]
fn fuzz_scripts_are_ours_only_when_they_can_be_assembled_again() {
    let wrapped = "const getCustomJwtClaims = () => ({});";
    let hash = TextHash::of("old");
    let mut seeds: Vec<String> = Vec::new();
    for kind in Kind::ALL {
        seeds.push(assemble(kind, None, None));
        seeds.push(assemble(kind, Some(wrapped), Some(&hash)));
    }
    let head = "//@logto-hasura:program users 9999\n".to_owned();
    seeds.extend([wrapped.to_owned(), head]);
    let seeds: Vec<&[u8]> = seeds.iter().map(String::as_bytes).collect();
    fuzz("scripts", &seeds, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Said::Refused;
        };
        let mut said = Said::Refused;
        for kind in Kind::ALL {
            match read(kind, Some(text)) {
                Deployed::Ours {
                    wrapped,
                    replaced,
                    intact,
                } => {
                    assert!(wrapped.as_deref().is_none_or(can_wrap));
                    let again = assemble(kind, wrapped.as_deref(), replaced.as_ref());
                    assert_eq!(again == text, intact);
                    said = Said::Taken;
                }
                Deployed::Older { wrapped, .. } => {
                    assert!(wrapped.as_deref().is_none_or(can_wrap));
                    said = Said::Taken;
                }
                Deployed::Absent | Deployed::Newer { .. } => {}
                Deployed::Foreign | Deployed::Damaged => {}
            }
            if can_wrap(text) {
                let inside = Deployed::Ours {
                    wrapped: Some(text.to_owned()),
                    replaced: None,
                    intact: true,
                };
                assert_eq!(read(kind, Some(&assemble(kind, Some(text), None))), inside);
            }
        }
        // A literal that ends early would run what stands after it.
        let check = parse_check(text);
        assert!(check.starts_with("const text = \"") && check.lines().count() == 4);
        said
    });
}

#[test]
fn fuzz_stored_entries_are_read_only_when_they_are_written_alike() {
    let mut entry = Entry::new(
        "https://shop.example.com/v1/graphql",
        "https://hasura.io/jwt/claims",
        "client",
    );
    let empty = entry.text();
    entry.everyone.insert("user".to_owned());
    entry.default = Some("user".to_owned());
    entry.source = RoleSource::default();
    entry
        .roles
        .insert(("user:reader".to_owned(), "read:user".to_owned()));
    entry
        .vars
        .insert(("x-hasura-user-id".to_owned(), "sub".to_owned()));
    let full = entry.text();
    fuzz(
        "stored entries",
        &[empty.as_bytes(), full.as_bytes()],
        |input| {
            let Some(entry) = std::str::from_utf8(input).ok().and_then(Entry::parse) else {
                return Said::Refused;
            };
            assert_eq!(entry.text().as_bytes(), input);
            _ = entry.check();
            Said::Taken
        },
    );
}
