//! Where a token is looked for, and when its claims hold.

use serde_json::{Value, json};

use crate::bed::{
    AUDIENCE, Hasura, ISSUER, Refusal, UNAUTHORIZED, bearer, claims, not_verified, now, refused,
    with_key, with_keys,
};
use crate::signer::{Signer, es384};

/// What comes of a token with these claims where the JWT secret has these fields.
async fn outcome(fields: Value, changes: Value) -> Result<(), Refusal> {
    let signer = es384();
    let hasura = with_key(&signer, fields).await;
    judged(&hasura, &signer, changes).await
}

async fn judged(hasura: &Hasura, signer: &Signer, changes: Value) -> Result<(), Refusal> {
    let header = bearer(&signer.token(&claims(changes)));
    let outcome = hasura.outcome(&[("authorization", &header)]).await;
    outcome.map(|_| ())
}

#[tokio::test]
async fn the_authorization_header_is_the_word_bearer_and_one_token() {
    let signer = es384();
    let (hasura, _keys) = with_keys(&[&signer], json!({}), &[UNAUTHORIZED]).await;
    let token = signer.token(&claims(json!({})));
    let malformed = refused("invalid-headers", "Malformed Authorization header");
    // An unauthorized role does not help any of these.
    for value in [
        format!("bearer {token}"),
        format!("BEARER {token}"),
        format!("Bearer {token} more"),
        "Basic dXNlcjpwYXNz".to_owned(),
        "Bearer".to_owned(),
        token.clone(),
        String::new(),
    ] {
        let refusal = hasura.refusal(&[("authorization", &value)]).await;
        assert_eq!(refusal, malformed, "{value}");
    }
    let spaced = format!("Bearer   {token}");
    assert_eq!(hasura.role(&[("authorization", &spaced)]).await, "user");
}

#[tokio::test]
async fn two_authorization_headers_are_too_many() {
    let signer = es384();
    let hasura = with_key(&signer, json!({"issuer": ISSUER})).await;
    let token = bearer(&signer.token(&claims(json!({}))));
    let headers = [("authorization", token.as_str()), ("authorization", &token)];
    let many = refused(
        "invalid-headers",
        "Could not verify JWT: Multiple JWTs found",
    );
    assert_eq!(hasura.refusal(&headers).await, many);

    // One of another issuer does not count.
    let other = bearer(&signer.token(&claims(json!({"iss": "https://elsewhere"}))));
    let headers = [("authorization", token.as_str()), ("authorization", &other)];
    assert_eq!(hasura.role(&headers).await, "user");
}

#[tokio::test]
async fn a_token_can_be_in_a_cookie() {
    let signer = es384();
    let hasura = with_key(
        &signer,
        json!({"header": {"type": "Cookie", "name": "token"}}),
    )
    .await;
    let token = signer.token(&claims(json!({})));
    let cookie = |name: &str| format!("theme=dark; {name}={token}");
    assert_eq!(hasura.role(&[("cookie", &cookie("token"))]).await, "user");
    let missing = refused(
        "invalid-headers",
        "Missing 'Authorization' or 'Cookie' header in JWT authentication mode",
    );
    let elsewhere = [
        ("cookie", cookie("Token")),
        ("authorization", bearer(&token)),
    ];
    for (name, value) in &elsewhere {
        assert_eq!(hasura.refusal(&[(name, value)]).await, missing, "{value}");
    }
}

#[tokio::test]
async fn a_token_can_be_in_a_header_of_its_own_without_a_word_before_it() {
    let signer = es384();
    let header = json!({"type": "CustomHeader", "name": "X-Token"});
    let hasura = with_key(&signer, json!({ "header": header })).await;
    let token = signer.token(&claims(json!({})));
    assert_eq!(hasura.role(&[("x-token", &token)]).await, "user");
    let (_, code, _) = hasura.refusal(&[("x-token", &bearer(&token))]).await;
    assert_eq!(code, "invalid-jwt");
}

#[tokio::test]
async fn a_token_is_for_one_of_the_audiences_or_for_nobody_in_particular() {
    let signer = es384();
    let audience = json!({"audience": ["x", AUDIENCE]});
    let hasura = with_key(&signer, audience).await;
    let wrong = Err(not_verified("JWTNotInAudience"));
    for (found, expected) in [
        (json!(AUDIENCE), Ok(())),
        (json!(["other", AUDIENCE]), Ok(())),
        (json!(null), Ok(())),
        (json!("other"), wrong.clone()),
        (json!(format!("{AUDIENCE}/")), wrong.clone()),
        (json!([]), wrong.clone()),
    ] {
        let outcome = judged(&hasura, &signer, json!({ "aud": found })).await;
        assert_eq!(outcome, expected, "{found}");
    }
    assert_eq!(outcome(json!({}), json!({"aud": "any"})).await, Ok(()));
    assert_eq!(outcome(json!({}), json!({"aud": []})).await, wrong);
}

#[tokio::test]
async fn a_required_claim_that_is_missing_is_refused() {
    let signer = es384();
    let fields = json!({
        "audience": AUDIENCE, "issuer": ISSUER, "extra_required_claims": ["audience", "issuer"]
    });
    let hasura = with_key(&signer, fields).await;
    assert_eq!(judged(&hasura, &signer, json!({})).await, Ok(()));
    let no_audience = judged(&hasura, &signer, json!({"aud": null})).await;
    assert_eq!(no_audience, Err(not_verified("JWTNotInAudience")));
    let no_issuer = judged(&hasura, &signer, json!({"iss": null})).await;
    assert_eq!(no_issuer, Err(not_verified("JWTNotInIssuer")));

    let lenient = json!({"audience": AUDIENCE, "issuer": ISSUER});
    let changes = json!({"aud": null, "iss": null});
    assert_eq!(outcome(lenient, changes).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_is_compared_to_the_letter_and_before_the_signature() {
    let signer = es384();
    let hasura = with_key(&signer, json!({"issuer": ISSUER})).await;
    assert_eq!(judged(&hasura, &signer, json!({})).await, Ok(()));
    let wrong = Err(not_verified("JWTNotInIssuer"));
    for issuer in [format!("{ISSUER}/"), "https://elsewhere".to_owned()] {
        let outcome = judged(&hasura, &signer, json!({ "iss": issuer })).await;
        assert_eq!(outcome, wrong, "{issuer}");
    }
    let unsigned = judged(&hasura, &es384(), json!({"iss": "https://elsewhere"})).await;
    assert_eq!(unsigned, wrong);
}

#[tokio::test]
async fn a_token_expires_and_one_without_an_end_does_not() {
    let fields = json!({"allowed_skew": 60});
    let signer = es384();
    let strict = with_key(&signer, json!({})).await;
    let tolerant = with_key(&signer, fields).await;
    let expired = Err(not_verified("JWTExpired"));
    let at = |offset: i64| json!({"exp": now() + offset});
    assert_eq!(judged(&strict, &signer, json!({"exp": null})).await, Ok(()));
    assert_eq!(judged(&strict, &signer, at(30)).await, Ok(()));
    assert_eq!(judged(&strict, &signer, at(-1)).await, expired);
    assert_eq!(judged(&tolerant, &signer, at(-30)).await, Ok(()));
    assert_eq!(judged(&tolerant, &signer, at(-90)).await, expired);
}

#[tokio::test]
async fn a_token_from_the_future_needs_a_skew() {
    let signer = es384();
    let strict = with_key(&signer, json!({})).await;
    let tolerant = with_key(&signer, json!({"allowed_skew": 60})).await;
    for (claim, error) in [("iat", "JWTIssuedAtFuture"), ("nbf", "JWTNotYetValid")] {
        let at = |offset: i64| json!({claim: now() + offset});
        let refused = Err(not_verified(error));
        assert_eq!(judged(&strict, &signer, at(30)).await, refused, "{claim}");
        assert_eq!(judged(&tolerant, &signer, at(30)).await, Ok(()), "{claim}");
        assert_eq!(judged(&tolerant, &signer, at(90)).await, refused, "{claim}");
        let none = judged(&strict, &signer, json!({claim: null})).await;
        assert_eq!(none, Ok(()), "{claim}");
    }
}

#[tokio::test]
async fn of_two_mistakes_the_first_in_order_is_told() {
    let late = now() + 300;
    let changes = json!({"exp": now() - 300, "iat": late, "nbf": late, "aud": "other"});
    let signer = es384();
    let hasura = with_key(&signer, json!({"audience": AUDIENCE})).await;
    let judged = async |fixed: Value| {
        let mut changes = changes.clone();
        for (name, value) in fixed.as_object().unwrap() {
            changes[name] = value.clone();
        }
        judged(&hasura, &signer, changes).await.unwrap_err().2
    };
    let vectors = [
        (json!({}), "JWTExpired"),
        (json!({"exp": null}), "JWTIssuedAtFuture"),
        (json!({"exp": null, "iat": null}), "JWTNotYetValid"),
        (
            json!({"exp": null, "iat": null, "nbf": null}),
            "JWTNotInAudience",
        ),
    ];
    for (fixed, expected) in vectors {
        let message = judged(fixed).await;
        assert_eq!(message, format!("Could not verify JWT: {expected}"));
    }
}
