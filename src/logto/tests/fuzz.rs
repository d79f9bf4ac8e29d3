//! What parses a remote's bytes: whatever they are, no panic, in little time, and nothing of them in a message.

use std::time::Duration;

use fuzzer::{Said, fuzz};
use jiff::Timestamp;
use reqwest::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue};

use super::signer::Signer;
use crate::domain::jwt_secret::JwtSecret;
use crate::logto::refresh::refresh;
use crate::logto::refusal::refusal;
use crate::logto::retry_after::wait;
use crate::logto::transport::Answer;
use crate::logto::{Discovery, Endpoint, Error, Jwks, Operation, Refresh, RoleWithCounts, Scope};

/// It can not be taken for one of Logto's error codes, so no message may hold it.
const PLANTED: &str = "PLANTED-4fQ7";

fn answer(status: u16, body: &[u8]) -> Answer {
    Answer {
        status,
        json: true,
        total: None,
        retry_after: Duration::from_secs(7),
        refresh: Refresh::Never,
        body: body.to_vec(),
    }
}

fn says_nothing_of_it(error: &Error) {
    let said = format!("{error} {error:?}");
    assert!(!said.contains(PLANTED), "{said}");
    assert!(said.len() < 2000 && !said.contains(['\n', '\0']), "{said}");
}

/// The bodies of these recordings, as Logto wrote them.
fn recorded(transcript: &str) -> Vec<Vec<u8>> {
    let transcript: serde_json::Value = serde_json::from_str(transcript).unwrap();
    let exchanges = transcript["exchanges"].as_array().unwrap();
    let bodies = exchanges.iter().map(|one| &one["response"]["body"]);
    let bodies = bodies.filter(|body| body.is_object() || body.is_array());
    bodies.map(|body| body.to_string().into_bytes()).collect()
}

fn each(bodies: &[Vec<u8>]) -> Vec<&[u8]> {
    bodies.iter().map(Vec::as_slice).collect()
}

macro_rules! recorded {
    ($name:literal) => {
        recorded(include_str!(concat!(
            "../../../tests/logto-emulator/transcripts/",
            $name,
            ".json"
        )))
    };
}

#[test]
fn nesting_without_end_is_refused_and_does_not_use_up_the_stack() {
    for open in ["[", "{\"a\":"] {
        let nested = open.repeat(1_000_000);
        let inputs = [
            nested.clone(),
            format!(r#"{{"keys":[{{"kty":"EC","more":{nested}"#),
            format!(r#"{{"keys":{nested}"#),
            format!(r#"{{"issuer":"https://a.example","more":{nested}"#),
            format!(r#"{{"code":"auth.unauthorized","data":{nested}"#),
        ];
        for input in inputs {
            assert!(Jwks::parse(input.as_bytes()).is_none());
            let endpoint = Endpoint::parse("https://a.example", false).unwrap();
            let answer = answer(401, input.as_bytes());
            says_nothing_of_it(&Discovery::read(&answer, &endpoint).unwrap_err());
            let error = refusal(Operation::ListRoles, &answer);
            assert!(matches!(error, Error::Stop { .. }), "{error}");
            assert!(JwtSecret::parse(&input).is_err());
        }
    }
}

#[test]
fn fuzz_key_sets_read_alike_twice_and_are_told_in_words_that_can_be_shown() {
    let seeds = recorded!("02-discovery");
    let rsa = br#"{"keys":[{"kty":"RSA","kid":"b","n":"0vx7","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","x":"a"}]}"#;
    fuzz("key sets", &[each(&seeds), vec![rsa]].concat(), |input| {
        let Some(keys) = Jwks::parse(input) else {
            return Said::Refused;
        };
        assert_eq!(
            Jwks::parse(input).unwrap().fingerprint(),
            keys.fingerprint()
        );
        assert_eq!(keys.fingerprint().len(), 32);
        let all = keys.ids_and_algorithms();
        assert!(!all.is_empty());
        for (id, algorithm) in all {
            assert!((1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
            assert!((1..=16).contains(&algorithm.len()));
        }
        Said::Taken
    });
}

#[test]
fn fuzz_no_token_but_the_one_that_was_signed_says_anything() {
    let signer = Signer::new("a");
    let set = serde_json::json!({"keys": [signer.public()]}).to_string();
    let keys = Jwks::parse(set.as_bytes()).unwrap();
    let genuine = signer.token(&serde_json::json!({"scope": "all"}));
    fuzz("tokens", &[genuine.as_bytes()], |input| {
        let text = String::from_utf8_lossy(input);
        match keys.signed::<serde_json::Value>(&text) {
            None => Said::Refused,
            Some(_) => {
                assert_eq!(text, genuine);
                Said::Taken
            }
        }
    });
}

#[test]
fn fuzz_discovery_documents_name_addresses_at_the_endpoint_alone() {
    let seeds = recorded!("02-discovery");
    let endpoint = Endpoint::parse("http://localhost:3011", true).unwrap();
    fuzz(
        "discovery documents",
        &each(&seeds),
        |input| match Discovery::read(&answer(200, input), &endpoint) {
            Ok(read) => {
                assert!(read.issuer.len() <= 512);
                for url in [&read.token_endpoint, &read.jwks_uri] {
                    assert!(endpoint.same_origin(url), "{url}");
                    assert!(
                        url.username().is_empty() && url.password().is_none(),
                        "{url}"
                    );
                }
                Said::Taken
            }
            Err(error) => {
                says_nothing_of_it(&error);
                Said::Refused
            }
        },
    );
}

#[test]
fn fuzz_errors_of_logto_are_never_repeated_in_messages() {
    let mut seeds = recorded!("10-deletes");
    for body in [
        r#"{"code":"role.name_in_use","message":"PLANTED-4fQ7","data":{"payload":"PLANTED-4fQ7"}}"#,
        r#"{"code":"oidc.invalid_client","error":"invalid_client","error_description":"PLANTED-4fQ7"}"#,
        r#"{"error":"PLANTED-4fQ7"}"#,
        r#"{"code":"PLANTED-4fQ7"}"#,
        r#"{"code":null}"#,
    ] {
        seeds.push(body.as_bytes().to_vec());
    }
    let operations = [
        Operation::FetchToken,
        Operation::CreateRole,
        Operation::DeleteScope,
    ];
    fuzz("errors of Logto", &each(&seeds), |input| {
        let mut definite = false;
        for operation in operations {
            for status in [100, 302, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503] {
                let error = refusal(operation, &answer(status, input));
                says_nothing_of_it(&error);
                assert_eq!(error.operation(), operation);
                definite |= matches!(error, Error::NotFound { .. } | Error::Credentials { .. });
            }
        }
        if definite { Said::Taken } else { Said::Refused }
    });
}

#[test]
fn fuzz_rows_of_lists_are_decoded_or_refused_without_a_word_of_them() {
    let seeds = [recorded!("04-scopes"), recorded!("05-roles")].concat();
    fuzz("rows of lists", &each(&seeds), |input| {
        let answer = answer(200, input);
        let roles = answer.decode::<Vec<RoleWithCounts>>(Operation::ListRoles);
        let scopes = answer.decode::<Vec<Scope>>(Operation::ListScopes);
        let scope = answer.decode::<Scope>(Operation::CreateScope);
        let taken = roles.is_ok() || scopes.is_ok() || scope.is_ok();
        for error in [roles.err(), scopes.err(), scope.err()]
            .into_iter()
            .flatten()
        {
            says_nothing_of_it(&error);
        }
        if taken { Said::Taken } else { Said::Refused }
    });
}

#[test]
fn fuzz_retry_after_is_a_wait_between_a_second_and_five_minutes() {
    let now: Timestamp = "2026-08-21T10:00:00Z".parse().unwrap();
    let seeds: [&[u8]; 5] = [
        b"7",
        b"86400",
        b"Fri, 21 Aug 2026 10:00:42 GMT",
        b"Fri, 21 Aug 2026 10:00:42 +0000",
        b"-3",
    ];
    fuzz("Retry-After", &seeds, |input| {
        // As it is taken from an answer: only text that a header can hold.
        let header = HeaderValue::from_bytes(input).ok();
        let text = header.as_ref().and_then(|header| header.to_str().ok());
        let wait = wait(text, now);
        assert!((1..=300).contains(&wait.as_secs()), "{wait:?}");
        let by_default = wait.as_secs() == 10;
        if by_default {
            Said::Refused
        } else {
            Said::Taken
        }
    });
}

#[test]
fn fuzz_caching_headers_give_a_time_within_ten_years() {
    let now: Timestamp = "2026-08-21T10:00:00Z".parse().unwrap();
    let seeds: [&[u8]; 5] = [
        b"max-age=60",
        b"no-cache, no-store, max-age=0, must-revalidate",
        b"public, s-maxage=\"600\", stale-while-revalidate=30",
        b"Fri, 21 Aug 2026 10:00:42 GMT",
        b",, max-age=99999999999999999999",
    ];
    fuzz("caching headers", &seeds, |input| {
        let Ok(value) = HeaderValue::from_bytes(input) else {
            return Said::Refused;
        };
        let mut taken = Said::Refused;
        for name in [CACHE_CONTROL, EXPIRES] {
            let refresh = refresh(&HeaderMap::from_iter([(name, value.clone())]), now);
            if let Refresh::AfterSeconds(seconds) = refresh {
                assert!((1..=315_360_000).contains(&seconds), "{seconds}");
            }
            if refresh != Refresh::Never {
                taken = Said::Taken;
            }
        }
        taken
    });
}

#[test]
fn fuzz_endpoints_are_origins_that_read_alike_again() {
    let seeds: [&[u8]; 6] = [
        b"https://logto.example.com",
        b"http://logto.id.svc:3001/",
        b"https://[fd00::1]:8443",
        b"https://169.254.169.254",
        b"http://0xa9fea9fe",
        b"https://user:PLANTED-4fQ7@logto.example.com/PLANTED-4fQ7?PLANTED-4fQ7#PLANTED-4fQ7",
    ];
    fuzz("endpoints", &seeds, |input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Said::Refused;
        };
        let Ok(endpoint) = Endpoint::parse(text, true) else {
            return Said::Refused;
        };
        let printed = endpoint.to_string();
        assert_eq!(Endpoint::parse(&printed, true).as_ref(), Ok(&endpoint));
        let link_local = endpoint.host().starts_with("169.254.");
        let is_address = endpoint.host().parse::<std::net::IpAddr>().is_ok();
        assert!(!(link_local && is_address), "{printed}");
        Said::Taken
    });
}
